CREATE TABLE customer (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL UNIQUE, note text COMMENT ' AUTO_INCREMENT=9');
CREATE TABLE product (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL, price int NOT NULL CHECK (price > 0),
    label varchar(200) AS (concat(name, '!')) STORED) AUTO_INCREMENT = 40;
CREATE TABLE purchase (
    id bigint AUTO_INCREMENT PRIMARY KEY,
    customer bigint NOT NULL,
    product bigint NOT NULL,
    amount int NOT NULL DEFAULT 1,
    FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE,
    FOREIGN KEY (product) REFERENCES product (id)
);
CREATE TABLE journal (what varchar(100) NOT NULL);
CREATE TABLE `odd ``table` (`odd ``column` varchar(20), `order` int AUTO_INCREMENT PRIMARY KEY);
CREATE VIEW dear AS SELECT * FROM product WHERE price > 1000;
CREATE VIEW a_view_of_a_view AS SELECT name FROM dear;
CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2;
CREATE PROCEDURE empty_journal() DELETE FROM journal;
CREATE TRIGGER purchase_journal AFTER INSERT ON purchase FOR EACH ROW INSERT INTO journal VALUES (concat('bought ', NEW.product));
CREATE SEQUENCE number START WITH 7 INCREMENT BY 3 NOCACHE;
