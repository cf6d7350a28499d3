//! PostgreSQL's fixture on a real server: the one that `ITEST_POSTGRES_URL` names, or a private one.

mod histories;
mod isolation;
mod schema;
mod snapshot;

itest::main!();
