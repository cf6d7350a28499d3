CREATE TABLE itest_runs (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    suite       TEXT NOT NULL,
    began_ms    BIGINT NOT NULL, -- milliseconds since 1970
    process     TEXT NOT NULL,
    seed        TEXT NOT NULL,
    build       TEXT NOT NULL,    -- differs between builds with different tests
    revision    TEXT NOT NULL,    -- the commit
    code        TEXT NOT NULL,    -- the same in runs of the same code; empty where that is not known
    shard       TEXT NOT NULL,
    environment TEXT NOT NULL,    -- JSON
    UNIQUE (suite, began_ms, process, seed)
);

CREATE TABLE itest_tests (
    id    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    suite TEXT NOT NULL,
    name  TEXT NOT NULL,
    UNIQUE (suite, name)
);

CREATE TABLE itest_attempts (
    run        BIGINT NOT NULL REFERENCES itest_runs (id) ON DELETE CASCADE,
    position   BIGINT NOT NULL,
    test       BIGINT NOT NULL REFERENCES itest_tests (id),
    attempt    BIGINT NOT NULL,
    outcome    TEXT NOT NULL,
    elapsed_us BIGINT NOT NULL,
    phase      TEXT NOT NULL,     -- of the failure; empty if there is none
    message    TEXT NOT NULL,     -- its first line
    PRIMARY KEY (run, position)
);
