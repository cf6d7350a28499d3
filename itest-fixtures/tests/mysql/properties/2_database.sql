ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_german2_ci COMMENT 'it''s of the "app" \\';
CREATE USER IF NOT EXISTS itest_writer@localhost;
CREATE ROLE IF NOT EXISTS itest_role;
GRANT SELECT, INSERT ON * TO itest_writer@localhost WITH GRANT OPTION;
GRANT SELECT, INSERT ON * TO itest_role;
GRANT DELETE, UPDATE (text) ON word TO itest_writer@localhost;
GRANT EXECUTE ON PROCEDURE forget TO itest_writer@localhost;
