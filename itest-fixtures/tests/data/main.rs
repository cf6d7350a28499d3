//! Seeds and migrations on real databases: SQLite always, PostgreSQL and MySQL or MariaDB where they are.

mod migrations;
mod seeds;
mod servers;
mod upgrades;
mod wrong_seeds;

itest::main!();
