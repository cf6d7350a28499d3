-- no-transaction
REINDEX INDEX CONCURRENTLY word_text;
