CREATE TABLE word (id int PRIMARY KEY, text varchar(20));
CREATE PROCEDURE forget() DELETE FROM word;
