-- no-transaction
DROP INDEX CONCURRENTLY word_text;
