CREATE TABLE orders (
    id BIGSERIAL PRIMARY KEY,
    customer TEXT NOT NULL,
    address TEXT NOT NULL,
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0),
    status TEXT NOT NULL DEFAULT 'placed',
    courier TEXT,
    charge_id TEXT
);

CREATE INDEX orders_by_customer ON orders (customer, id);

CREATE TABLE outbox (
    id BIGSERIAL PRIMARY KEY,
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    published_at TIMESTAMPTZ
);

CREATE INDEX outbox_of_pending_events ON outbox (id) WHERE published_at IS NULL;
