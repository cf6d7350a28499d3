-- The products for sale.
CREATE TABLE products (
    id          INTEGER PRIMARY KEY,
    sku         TEXT NOT NULL UNIQUE CHECK (sku <> ''),
    name        TEXT NOT NULL CHECK (name <> ''),
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    -- The constraint prevents overselling, even if the service has a bug. The service uses 32-bit numbers.
    stock       INTEGER NOT NULL CHECK (stock BETWEEN 0 AND 4294967295)
) STRICT;
