//! Tests that are not idempotent: the second time they fail because of their own leftovers.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;

use itest::prelude::*;

use crate::application::{LOGGER, METRICS, locked};
use crate::office::{Books, Machines, Office};
use crate::surroundings::{fixed_address, set_variable, temporary};

/// The address exists the second time.
#[integration_test]
async fn an_account_is_created(books: &Books) -> Result<()> {
    assert_eq!(books.execute("INSERT INTO accounts VALUES ('ada@example.com')").await?, 1);
    Ok(())
}

/// An export uses `create_new`, and the test never removes the file.
#[integration_test]
fn an_export_overwrites_nothing(office: &Office) -> Result<()> {
    File::create_new(office.join("export"))?;
    assert!(File::create_new(office.join("export")).is_err());
    Ok(())
}

/// The logger can be installed only once in a process.
#[integration_test]
fn the_logger_is_installed() {
    assert_eq!(LOGGER.set("to the console"), Ok(()));
}

#[integration_test]
fn a_first_visit_is_noticed() {
    assert!(env::var_os("ZOO_VISITED").is_none(), "this is not the first visit");
    set_variable("ZOO_VISITED", Some("yes"));
}

#[integration_test]
fn a_cache_folder_is_made() -> Result<()> {
    fs::create_dir(temporary("cache"))?;
    assert!(temporary("cache").is_dir());
    Ok(())
}

/// The listener stays open after the test.
#[integration_test]
fn metrics_are_served() -> Result<()> {
    let listener = TcpListener::bind(fixed_address("metrics"))?;
    assert_eq!(listener.local_addr()?, fixed_address("metrics"));
    *locked(&METRICS) = Some(listener);
    Ok(())
}

/// The ticket machine is a worker fixture.
#[integration_test]
fn the_first_ticket_is_number_one(machines: &Machines) {
    assert_eq!(machines.next_ticket(), 1);
}
