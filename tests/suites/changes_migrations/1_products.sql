CREATE TABLE product (id INTEGER PRIMARY KEY, name VARCHAR(200) NOT NULL, stock INTEGER);
CREATE TABLE visit (page VARCHAR(200));
INSERT INTO product VALUES (1, 'book', 3), (2, 'pen', 10), (3, 'old map', NULL);
