//! Tests of the PostgreSQL fixture on a real server: the one that `ITEST_POSTGRES_URL` names, or a private one.

mod by_url;
#[path = "../histories/mod.rs"]
mod generated;
mod histories;
mod isolation;
mod migrations;
mod properties;
mod query_plan;
mod schema;
mod snapshot;
mod statements;

itest::main!();
