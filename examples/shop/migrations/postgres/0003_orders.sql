-- Orders, with their customers and their status.
CREATE TYPE order_status AS ENUM ('placed', 'paid', 'shipped', 'delivered', 'cancelled');

CREATE TABLE orders (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES users (id),
    status      order_status NOT NULL DEFAULT 'placed',
    total_cents bigint NOT NULL CHECK (total_cents >= 0),
    -- The idempotency key of every attempt to pay this order. It is random, because other
    -- installations that share the gateway account use the same order numbers.
    payment_key text NOT NULL UNIQUE DEFAULT gen_random_uuid()::text,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX orders_by_customer ON orders (customer_id);

CREATE TABLE order_items (
    order_id         bigint NOT NULL REFERENCES orders (id),
    line             bigint NOT NULL CHECK (line > 0),
    product_id       bigint NOT NULL REFERENCES products (id),
    quantity         bigint NOT NULL CHECK (quantity > 0),
    -- The price when the order was placed: a later price change must not alter the order.
    unit_price_cents bigint NOT NULL CHECK (unit_price_cents >= 0),
    PRIMARY KEY (order_id, line)
);

CREATE INDEX order_items_by_product ON order_items (product_id);
