-- The users who may sign in.
CREATE TABLE users (
    id            INTEGER PRIMARY KEY,
    -- NOCASE: Ada@example.com and ada@example.com are one person.
    email         TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL DEFAULT 'customer' CHECK (role IN ('customer', 'admin')),
    created_at    TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;
