CREATE TABLE itest_runs (
    id          INTEGER PRIMARY KEY,
    suite       TEXT NOT NULL,
    began_ms    INTEGER NOT NULL, -- milliseconds since 1970
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
    id    INTEGER PRIMARY KEY,
    suite TEXT NOT NULL,
    name  TEXT NOT NULL,
    UNIQUE (suite, name)
);

CREATE TABLE itest_attempts (
    run        INTEGER NOT NULL REFERENCES itest_runs (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    test       INTEGER NOT NULL REFERENCES itest_tests (id),
    attempt    INTEGER NOT NULL,
    outcome    TEXT NOT NULL,
    elapsed_us INTEGER NOT NULL,
    phase      TEXT NOT NULL,     -- of the failure; empty if there is none
    message    TEXT NOT NULL,     -- its first line
    PRIMARY KEY (run, position)
) WITHOUT ROWID;
