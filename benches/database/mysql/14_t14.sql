CREATE TABLE t14 (
    id bigint AUTO_INCREMENT PRIMARY KEY,
    name varchar(100) NOT NULL UNIQUE,
    amount int NOT NULL DEFAULT 0,
    created timestamp NOT NULL DEFAULT current_timestamp,
    KEY (amount),
    parent_id bigint,
    FOREIGN KEY (parent_id) REFERENCES t13 (id)
);
