CREATE TABLE product (
    id bigint AUTO_INCREMENT PRIMARY KEY,
    name varchar(100) NOT NULL UNIQUE,
    stock int NOT NULL DEFAULT 0 CHECK (stock >= 0)
);
