DROP TRIGGER double_entry ON entry;
DROP TRIGGER double_entry ON transfer;
DROP FUNCTION check_double_entry;
