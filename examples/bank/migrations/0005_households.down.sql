-- An account that its household covers for is given the credit that it uses.
UPDATE account SET credit_limit = -balance WHERE balance < -credit_limit;
ALTER TABLE account DROP CONSTRAINT account_is_covered;
ALTER TABLE account DROP COLUMN household;
ALTER TABLE account ADD CONSTRAINT account_is_covered CHECK (balance >= -credit_limit);
