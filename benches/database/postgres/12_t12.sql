CREATE TABLE t12 (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE,
    amount int NOT NULL DEFAULT 0,
    created timestamptz NOT NULL DEFAULT now(),
    parent_id bigint REFERENCES t11 (id)
);
CREATE INDEX ON t12 (amount);
