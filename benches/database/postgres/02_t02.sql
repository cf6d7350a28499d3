CREATE TABLE t02 (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE,
    amount int NOT NULL DEFAULT 0,
    created timestamptz NOT NULL DEFAULT now(),
    parent_id bigint REFERENCES t01 (id)
);
CREATE INDEX ON t02 (amount);
