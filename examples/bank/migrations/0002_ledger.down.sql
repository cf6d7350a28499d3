DROP TABLE entry;
DROP TABLE transfer;
