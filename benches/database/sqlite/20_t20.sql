CREATE TABLE t20 (
    id integer PRIMARY KEY AUTOINCREMENT,
    name text NOT NULL UNIQUE,
    amount integer NOT NULL DEFAULT 0,
    created text NOT NULL DEFAULT current_timestamp,
    parent_id integer REFERENCES t19 (id)
);
CREATE INDEX t20_amount ON t20 (amount);
