-- Requested transfers, one for each idempotency key.
CREATE TABLE transfer (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE CHECK (length(idempotency_key) BETWEEN 1 AND 64),
    from_account    bigint NOT NULL REFERENCES account (id),
    to_account      bigint NOT NULL REFERENCES account (id),
    amount          bigint NOT NULL CHECK (amount > 0),
    made_at         timestamptz NOT NULL DEFAULT now(),
    CHECK (from_account <> to_account)
);

-- The two ledger entries of a transfer: one account is debited, another one is credited.
CREATE TABLE entry (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transfer_id bigint NOT NULL REFERENCES transfer (id),
    account_id  bigint NOT NULL REFERENCES account (id),
    amount      bigint NOT NULL CHECK (amount <> 0),
    UNIQUE (transfer_id, account_id)
);

-- A statement lists the newest entries first.
CREATE INDEX entry_by_account ON entry (account_id, id);
