-- The products for sale.
CREATE TABLE products (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku         text NOT NULL UNIQUE CHECK (sku <> ''),
    name        text NOT NULL CHECK (name <> ''),
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    -- The constraint prevents overselling, even if the service has a bug. The service uses 32-bit numbers.
    stock       bigint NOT NULL CHECK (stock BETWEEN 0 AND 4294967295)
);
