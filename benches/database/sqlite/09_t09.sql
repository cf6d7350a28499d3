CREATE TABLE t09 (
    id integer PRIMARY KEY AUTOINCREMENT,
    name text NOT NULL UNIQUE,
    amount integer NOT NULL DEFAULT 0,
    created text NOT NULL DEFAULT current_timestamp,
    parent_id integer REFERENCES t08 (id)
);
CREATE INDEX t09_amount ON t09 (amount);
