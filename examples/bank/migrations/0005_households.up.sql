-- The accounts of a household cover each other: each may be overdrawn, as long as the sum over all accounts in one currency is not. A
-- constraint cannot express this rule, so the service checks it in serializable transactions.
ALTER TABLE account ADD COLUMN household text CHECK (household <> '');
ALTER TABLE account DROP CONSTRAINT account_is_covered;
ALTER TABLE account ADD CONSTRAINT account_is_covered CHECK (household IS NOT NULL OR balance >= -credit_limit);

CREATE INDEX account_by_household ON account (household, currency) WHERE household IS NOT NULL;
