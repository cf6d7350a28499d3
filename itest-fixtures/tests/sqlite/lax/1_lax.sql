-- no-transaction
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (parent integer NOT NULL REFERENCES parent);
-- As a dump does: the checking of foreign keys stays off on this connection.
PRAGMA foreign_keys = off;
