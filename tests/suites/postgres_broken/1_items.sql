CREATE TABLE item (id bigserial PRIMARY KEY, name text NOT NULL);
