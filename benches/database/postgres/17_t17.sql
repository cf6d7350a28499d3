CREATE TABLE t17 (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE,
    amount int NOT NULL DEFAULT 0,
    created timestamptz NOT NULL DEFAULT now(),
    parent_id bigint REFERENCES t16 (id)
);
CREATE INDEX ON t17 (amount);
