//! Tests of seeds and migration checks on real databases: always on SQLite, and on PostgreSQL and MySQL or MariaDB if a server is
//! available.

mod migrations;
mod seeds;
mod servers;
mod upgrades;
mod wrong_seeds;

itest::main!();
