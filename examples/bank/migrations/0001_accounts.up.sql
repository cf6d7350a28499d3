-- Accounts. All amounts are in minor units, such as cents.
CREATE TABLE account (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner        text NOT NULL CHECK (owner <> ''),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    balance      bigint NOT NULL DEFAULT 0,
    -- How far the account may be overdrawn.
    credit_limit bigint NOT NULL DEFAULT 0 CHECK (credit_limit >= 0),
    opened_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT account_is_covered CHECK (balance >= -credit_limit)
);
