-- What is for sale.
CREATE TABLE products (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku         text NOT NULL UNIQUE CHECK (sku <> ''),
    name        text NOT NULL CHECK (name <> ''),
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    -- The last line of defence against selling what is not there. The service counts in 32 bits.
    stock       bigint NOT NULL CHECK (stock BETWEEN 0 AND 4294967295)
);
