-- An account that was overdrawn under its household's cover gets a credit limit of that amount.
UPDATE account SET credit_limit = -balance WHERE balance < -credit_limit;
ALTER TABLE account DROP CONSTRAINT account_is_covered;
ALTER TABLE account DROP COLUMN household;
ALTER TABLE account ADD CONSTRAINT account_is_covered CHECK (balance >= -credit_limit);
