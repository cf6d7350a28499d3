-- What the account held after each entry; for those that are there already it is counted once.
ALTER TABLE entry ADD COLUMN balance bigint;

UPDATE entry SET balance = counted.balance
FROM (SELECT id, sum(amount) OVER (PARTITION BY account_id ORDER BY id) AS balance FROM entry) AS counted
WHERE counted.id = entry.id;

ALTER TABLE entry ALTER COLUMN balance SET NOT NULL;
