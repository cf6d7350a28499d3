DO $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY[
        'ALTER DATABASE %1$I SET search_path = "$user", app, public, "o''dd ""name, one"""',
        'ALTER DATABASE %1$I SET work_mem = ''7MB''',
        'ALTER DATABASE %1$I SET app.tenant = ''it''''s "one", or two\''',
        'ALTER DATABASE %1$I SET temp_tablespaces = ''''',
        'ALTER DATABASE %1$I SET default_transaction_read_only = off',
        'ALTER ROLE %2$I IN DATABASE %1$I SET statement_timeout = ''59s''',
        'ALTER DATABASE %1$I CONNECTION LIMIT 77',
        'ALTER DATABASE %1$I IS_TEMPLATE true',
        'REVOKE ALL ON DATABASE %1$I FROM PUBLIC',
        'GRANT CONNECT ON DATABASE %1$I TO PUBLIC',
        'GRANT TEMPORARY ON DATABASE %1$I TO pg_monitor WITH GRANT OPTION',
        'SET LOCAL ROLE pg_monitor',
        'GRANT TEMPORARY ON DATABASE %1$I TO pg_read_all_stats',
        'RESET ROLE',
        'COMMENT ON DATABASE %1$I IS ''it''''s of the "app" \''',
        'ALTER DATABASE %1$I OWNER TO pg_signal_backend'
    ] LOOP
        EXECUTE format(statement, current_database(), current_user);
    END LOOP;
END $$;
