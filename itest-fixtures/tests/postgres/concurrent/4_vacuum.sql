-- no-transaction
VACUUM (ANALYZE) word;
