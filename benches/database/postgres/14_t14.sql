CREATE TABLE t14 (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE,
    amount int NOT NULL DEFAULT 0,
    created timestamptz NOT NULL DEFAULT now(),
    parent_id bigint REFERENCES t13 (id)
);
CREATE INDEX ON t14 (amount);
