//! SQLite's fixture: copies equal their template, and URLs open the test's own database.

mod options;
mod schema;
mod url;

itest::main!();
