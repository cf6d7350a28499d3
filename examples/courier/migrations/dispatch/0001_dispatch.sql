CREATE TABLE courier (
    id BIGSERIAL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- The order that the courier delivers now.
    busy_with BIGINT,
    delivered BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE delivery (
    order_id BIGINT PRIMARY KEY,
    customer TEXT NOT NULL,
    address TEXT NOT NULL,
    courier_id BIGINT REFERENCES courier (id),
    status TEXT NOT NULL DEFAULT 'waiting',
    receipt TEXT NOT NULL DEFAULT 'pending',
    mail TEXT NOT NULL DEFAULT 'pending'
);

-- The events that were handled, so that a duplicate changes nothing.
CREATE TABLE inbox (
    event_id TEXT PRIMARY KEY
);

CREATE TABLE outbox (
    id BIGSERIAL PRIMARY KEY,
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    published_at TIMESTAMPTZ
);

CREATE INDEX outbox_of_pending_events ON outbox (id) WHERE published_at IS NULL;
