//! The integration tests of the shop: the whole service over HTTP, with a database and a payment
//! gateway for each test.

mod access;
mod accounts;
mod catalog;
mod databases;
mod fixtures;
mod gateway;
mod invariants;
mod life_cycle;
mod orders;
mod payment;
mod program;
mod protocol;
mod restart;

itest::main!();
