-- The balance of the account after each entry. For existing entries it is computed here.
ALTER TABLE entry ADD COLUMN balance bigint;

UPDATE entry SET balance = counted.balance
FROM (SELECT id, sum(amount) OVER (PARTITION BY account_id ORDER BY id) AS balance FROM entry) AS counted
WHERE counted.id = entry.id;

ALTER TABLE entry ALTER COLUMN balance SET NOT NULL;
