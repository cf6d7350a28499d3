CREATE TABLE account (id bigint PRIMARY KEY, balance bigint NOT NULL);
INSERT INTO account VALUES (1, 100), (2, 0);
CREATE TABLE transfer (id bigserial PRIMARY KEY, reference text NOT NULL);
CREATE TABLE posted (reference text PRIMARY KEY);
CREATE TABLE booking (id bigserial PRIMARY KEY, guest text NOT NULL);
CREATE TABLE outbox (id bigint PRIMARY KEY, payload text NOT NULL, sent boolean NOT NULL DEFAULT false);
INSERT INTO outbox VALUES (1, 'order 1 is paid');
CREATE TABLE event (id bigint PRIMARY KEY);
CREATE TABLE applied_migration (version bigint PRIMARY KEY);
