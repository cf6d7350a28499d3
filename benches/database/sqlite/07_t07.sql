CREATE TABLE t07 (
    id integer PRIMARY KEY AUTOINCREMENT,
    name text NOT NULL UNIQUE,
    amount integer NOT NULL DEFAULT 0,
    created text NOT NULL DEFAULT current_timestamp,
    parent_id integer REFERENCES t06 (id)
);
CREATE INDEX t07_amount ON t07 (amount);
