-- Charges that the gateway has made. The payment of a cancelled order must be refunded.
CREATE TABLE payments (
    order_id     bigint PRIMARY KEY REFERENCES orders (id),
    charge_id    text NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    charged_at   timestamptz NOT NULL DEFAULT now()
);
