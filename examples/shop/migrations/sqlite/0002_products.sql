-- What is for sale.
CREATE TABLE products (
    id          INTEGER PRIMARY KEY,
    sku         TEXT NOT NULL UNIQUE CHECK (sku <> ''),
    name        TEXT NOT NULL CHECK (name <> ''),
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    -- The last line of defence against selling what is not there. The service counts in 32 bits.
    stock       INTEGER NOT NULL CHECK (stock BETWEEN 0 AND 4294967295)
) STRICT;
