//! Brittle tests: they pass only after another test, which happens to set up their state.

use std::env;
use std::fs;
use std::sync::atomic::Ordering;

use itest::prelude::*;

use crate::application::{CATALOG, SESSION, locked};
use crate::office::{Books, Machines, Office};
use crate::surroundings::{set_variable, temporary};

/// Sets the state.
#[integration_test]
fn the_catalog_is_loaded() {
    *locked(&CATALOG) = vec!["Emma", "Ulysses"];
    assert_eq!(locked(&CATALOG).len(), 2);
}

#[integration_test]
fn the_catalog_can_be_searched() {
    assert!(locked(&CATALOG).contains(&"Emma"), "Emma is not in the catalog");
}

#[integration_test]
async fn ada_can_sign_in(books: &Books) -> Result<()> {
    let password = books.text("SELECT password FROM users WHERE name = 'ada'").await?;
    assert_eq!(password.as_deref(), Some("engine"));
    Ok(())
}

/// Sets the state.
#[integration_test]
async fn ada_registers(books: &Books) -> Result<()> {
    assert_eq!(books.execute("INSERT OR REPLACE INTO users VALUES ('ada', 'engine')").await?, 1);
    Ok(())
}

/// Sets the state.
#[integration_test]
fn the_index_is_built(office: &Office) -> Result<()> {
    fs::write(office.join("index"), "emma: 1, 7, 12")?;
    Ok(())
}

#[integration_test]
fn the_index_names_the_pages(office: &Office) -> Result<()> {
    assert!(fs::read_to_string(office.join("index"))?.ends_with("12"));
    Ok(())
}

#[integration_test]
fn the_service_is_called_with_a_key() {
    let key = env::var("ZOO_API_KEY").unwrap_or_default();
    assert_eq!(key.len(), 4, "there is no key");
}

/// Sets the state.
#[integration_test]
fn a_key_is_configured() {
    set_variable("ZOO_API_KEY", Some("1234"));
    assert!(env::var("ZOO_API_KEY").is_ok());
}

/// Sets the state: the copier is a worker fixture, which stays warm for later tests.
#[integration_test]
fn the_copier_warms_up(machines: &mut Machines) {
    machines.sheets = 1;
    assert_eq!(machines.sheets, 1);
}

#[integration_test]
fn the_copier_copies(machines: &Machines) {
    assert!(machines.sheets > 0, "the copier is cold");
}

#[integration_test]
fn the_last_backup_is_restored() -> Result<()> {
    assert_eq!(fs::read_to_string(temporary("backup"))?, "everything");
    Ok(())
}

/// Sets the state.
#[integration_test]
fn a_backup_is_made() -> Result<()> {
    fs::write(temporary("backup"), "everything")?;
    Ok(())
}

/// The first of two setters: an order must exist before it can be paid.
#[integration_test]
async fn an_order_is_placed(books: &Books) -> Result<()> {
    books.execute("INSERT OR IGNORE INTO orders VALUES ('first', 'placed')").await?;
    assert_eq!(books.number("SELECT count(*) FROM orders WHERE name = 'first'").await?, 1);
    Ok(())
}

/// The second of two setters: it pays all orders, if there are any.
#[integration_test]
async fn all_orders_are_paid(books: &Books) -> Result<()> {
    books.execute("UPDATE orders SET status = 'paid'").await?;
    Ok(())
}

#[integration_test]
async fn a_paid_order_is_sent(books: &Books) -> Result<()> {
    assert_eq!(books.text("SELECT status FROM orders WHERE name = 'first'").await?.as_deref(), Some("paid"));
    Ok(())
}

#[integration_test]
fn the_release_is_signed(office: &Office) -> Result<()> {
    assert_eq!(fs::read_to_string(office.join("package.hash"))?, "7");
    Ok(())
}

/// The second of two setters: it hashes the package, if there is one.
#[integration_test]
fn packages_are_hashed(office: &Office) -> Result<()> {
    if let Ok(package) = fs::read(office.join("package")) {
        fs::write(office.join("package.hash"), package.len().to_string())?;
    }
    Ok(())
}

/// The first of two setters.
#[integration_test]
fn the_sources_are_packed(office: &Office) -> Result<()> {
    fs::write(office.join("package"), "sources")?;
    Ok(())
}

/// Sets the state, until another test undoes it.
#[integration_test]
fn a_session_is_opened() {
    SESSION.store(true, Ordering::Relaxed);
    assert!(SESSION.load(Ordering::Relaxed));
}

#[integration_test]
fn the_session_goes_on() {
    assert!(SESSION.load(Ordering::Relaxed), "there is no session");
}

/// Undoes what the setter did.
#[integration_test]
fn all_sessions_are_closed() {
    SESSION.store(false, Ordering::Relaxed);
    assert!(!SESSION.load(Ordering::Relaxed));
}
