//! Tests of the SQLite fixture: copies equal their template, and URLs open the test's database.

mod options;
mod schema;
mod url;

itest::main!();
