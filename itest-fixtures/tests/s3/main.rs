//! Tests of buckets: what clients of other projects do with them, what a test reads back, clients that do not comply, buckets on a server at
//! a URL, and AWS.

mod aws;
mod boto3;
mod client;
mod failures;
mod histories;
mod hostile;
mod killed;
#[path = "../nested/mod.rs"]
mod nested;
mod objects;
mod python;
mod shared;
mod signed;
mod uploads;

itest::main!();
