//! The integration tests of the bank: the whole service over HTTP, on PostgreSQL, with real pools, real commits and
//! concurrent transactions.

mod accounts;
mod books;
mod conflicts;
mod faults;
mod fixtures;
mod idempotency;
mod ledger;
mod migrations;
mod program;
mod sessions;
mod skew;
mod storm;
mod transfers;
mod trouble;

itest::main!();
