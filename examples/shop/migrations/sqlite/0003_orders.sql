-- Orders, with their customers and their status.
CREATE TABLE orders (
    id          INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES users (id),
    status      TEXT NOT NULL DEFAULT 'placed'
                CHECK (status IN ('placed', 'paid', 'shipped', 'delivered', 'cancelled')),
    total_cents INTEGER NOT NULL CHECK (total_cents >= 0),
    -- The idempotency key of every attempt to pay this order. It is random, because other
    -- installations that share the gateway account use the same order numbers.
    payment_key TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
    created_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;

CREATE INDEX orders_by_customer ON orders (customer_id);

CREATE TABLE order_items (
    order_id         INTEGER NOT NULL REFERENCES orders (id),
    line             INTEGER NOT NULL CHECK (line > 0),
    product_id       INTEGER NOT NULL REFERENCES products (id),
    quantity         INTEGER NOT NULL CHECK (quantity > 0),
    -- The price when the order was placed: a later price change must not alter the order.
    unit_price_cents INTEGER NOT NULL CHECK (unit_price_cents >= 0),
    PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

CREATE INDEX order_items_by_product ON order_items (product_id);
