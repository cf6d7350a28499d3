PRAGMA user_version = 42;
PRAGMA application_id = 1234567;
CREATE TABLE note (text text NOT NULL);
INSERT INTO note (rowid, text) VALUES (3, 'third'), (9, 'ninth');
CREATE VIRTUAL TABLE note_search USING fts5 (text, content = 'note', content_rowid = 'rowid');
INSERT INTO note_search (note_search) VALUES ('rebuild');
CREATE VIRTUAL TABLE area USING rtree (id, west, east);
INSERT INTO area VALUES (1, 2.0, 4.0);
