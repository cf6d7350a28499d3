CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE word (id int PRIMARY KEY, text text NOT NULL, mood mood);
INSERT INTO word SELECT g, 'w' || g FROM generate_series(1, 2000) g;
