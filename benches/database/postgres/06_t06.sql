CREATE TABLE t06 (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE,
    amount int NOT NULL DEFAULT 0,
    created timestamptz NOT NULL DEFAULT now(),
    parent_id bigint REFERENCES t05 (id)
);
CREATE INDEX ON t06 (amount);
