-- Charges that the gateway has made. The payment of a cancelled order must be refunded.
CREATE TABLE payments (
    order_id     INTEGER PRIMARY KEY REFERENCES orders (id),
    charge_id    TEXT NOT NULL,
    amount_cents INTEGER NOT NULL CHECK (amount_cents >= 0),
    charged_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;
