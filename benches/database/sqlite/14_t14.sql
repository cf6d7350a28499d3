CREATE TABLE t14 (
    id integer PRIMARY KEY AUTOINCREMENT,
    name text NOT NULL UNIQUE,
    amount integer NOT NULL DEFAULT 0,
    created text NOT NULL DEFAULT current_timestamp,
    parent_id integer REFERENCES t13 (id)
);
CREATE INDEX t14_amount ON t14 (amount);
