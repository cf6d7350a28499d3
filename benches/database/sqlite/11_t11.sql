CREATE TABLE t11 (
    id integer PRIMARY KEY AUTOINCREMENT,
    name text NOT NULL UNIQUE,
    amount integer NOT NULL DEFAULT 0,
    created text NOT NULL DEFAULT current_timestamp,
    parent_id integer REFERENCES t10 (id)
);
CREATE INDEX t11_amount ON t11 (amount);
