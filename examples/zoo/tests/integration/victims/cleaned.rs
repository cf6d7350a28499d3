//! Victims with cleaners: a third test that runs in between undoes the pollution, so that they fail less often.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use itest::prelude::*;

use crate::application::{MAINTENANCE, locked};
use crate::office::{Books, Machines, Office};
use crate::surroundings::set_variable;

/// Pollutes.
#[integration_test]
fn maintenance_begins() {
    MAINTENANCE.store(true, Ordering::Relaxed);
    assert!(MAINTENANCE.load(Ordering::Relaxed));
}

/// Cleans.
#[integration_test]
fn maintenance_ends() {
    MAINTENANCE.store(false, Ordering::Relaxed);
    assert!(!MAINTENANCE.load(Ordering::Relaxed));
}

#[integration_test]
fn pages_are_served() {
    assert!(!MAINTENANCE.load(Ordering::Relaxed), "come back later");
}

#[integration_test]
async fn the_hotel_is_empty(books: &Books) -> Result<()> {
    assert_eq!(books.number("SELECT count(*) FROM guests").await?, 0);
    Ok(())
}

/// Pollutes.
#[integration_test]
async fn a_guest_checks_in(books: &Books) -> Result<()> {
    assert_eq!(books.execute("INSERT OR REPLACE INTO guests VALUES ('ada')").await?, 1);
    Ok(())
}

/// Cleans.
#[integration_test]
async fn all_guests_check_out(books: &Books) -> Result<()> {
    books.execute("DELETE FROM guests").await?;
    Ok(())
}

/// Pollutes.
#[integration_test]
fn a_job_is_queued(office: &Office) -> Result<()> {
    fs::write(office.join("queue"), "print the report")?;
    Ok(())
}

/// Cleans.
#[integration_test]
fn the_queue_is_worked_off(office: &Office) -> Result<()> {
    match fs::remove_file(office.join("queue")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Cleans, too.
#[integration_test]
fn the_queue_is_purged(office: &Office) -> Result<()> {
    match fs::remove_file(office.join("queue")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[integration_test]
fn the_queue_starts_empty(office: &Office) {
    assert!(!office.join("queue").exists());
}

#[integration_test]
fn requests_go_out_directly() {
    assert!(env::var_os("ZOO_PROXY").is_none());
}

/// Pollutes.
#[integration_test]
fn a_proxy_is_configured() {
    set_variable("ZOO_PROXY", Some("http://proxy.example"));
    assert!(env::var_os("ZOO_PROXY").is_some());
}

/// Cleans.
#[integration_test]
fn a_proxy_is_taken_away() {
    set_variable("ZOO_PROXY", None);
    assert!(env::var_os("ZOO_PROXY").is_none());
}

/// Pollutes.
#[integration_test]
fn the_typewriter_learns_a_letter(machines: &Machines) {
    *locked(&machines.letter) = Some("ß");
    assert!(locked(&machines.letter).is_some());
}

#[integration_test]
fn the_typewriter_is_american(machines: &Machines) {
    assert_eq!(*locked(&machines.letter), None);
}

/// Cleans.
#[integration_test]
fn the_typewriter_is_repaired(machines: &Machines) {
    *locked(&machines.letter) = None;
    assert_eq!(*locked(&machines.letter), None);
}
