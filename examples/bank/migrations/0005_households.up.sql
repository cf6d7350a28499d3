-- The accounts of a household cover for one another: each may be overdrawn, as long as all in one currency together are not. No
-- constraint can say so; the service does, in serializable transactions.
ALTER TABLE account ADD COLUMN household text CHECK (household <> '');
ALTER TABLE account DROP CONSTRAINT account_is_covered;
ALTER TABLE account ADD CONSTRAINT account_is_covered CHECK (household IS NOT NULL OR balance >= -credit_limit);

CREATE INDEX account_by_household ON account (household, currency) WHERE household IS NOT NULL;
