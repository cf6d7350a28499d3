//! Victims of a single polluter. Alone, all of these tests pass; the polluters always pass.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use itest::prelude::*;

use crate::application::{FROZEN, INVOICES, LANGUAGE, PRICES, SERVER, SIGNED_IN, locked};
use crate::office::{Books, Machines, Office};
use crate::surroundings::{fixed_address, set_variable, temporary};

fn currency() -> String {
    env::var("ZOO_CURRENCY").unwrap_or_else(|_| "EUR".to_owned())
}

/// Pollutes: the variable stays set in the process.
#[integration_test]
fn prices_can_be_shown_in_dollars() {
    set_variable("ZOO_CURRENCY", Some("USD"));
    assert_eq!(currency(), "USD");
}

#[integration_test]
fn prices_are_shown_in_euro() {
    assert_eq!(currency(), "EUR");
}

#[integration_test]
fn the_package_is_described() {
    assert!(Path::new("Cargo.toml").exists(), "tests run in the folder of their package");
}

/// Pollutes: a relative path means another file afterwards.
#[integration_test]
fn archives_are_unpacked_in_place(office: &Office) -> Result<()> {
    env::set_current_dir(office.folder())?;
    fs::write("unpacked", "a picture")?;
    assert_eq!(fs::read_to_string(office.join("unpacked"))?, "a picture");
    Ok(())
}

/// Pollutes: the article stays in the cache of the process.
#[integration_test]
fn a_price_is_cached() {
    locked(&PRICES).insert("lamp", 30);
    assert_eq!(locked(&PRICES).get("lamp"), Some(&30));
}

#[integration_test]
fn an_unknown_article_has_no_price() {
    assert_eq!(locked(&PRICES).get("lamp"), None);
}

#[integration_test]
fn dates_are_written_the_english_way() {
    assert_eq!(*locked(&LANGUAGE), "en");
}

/// Pollutes: the language is a global of the application.
#[integration_test]
fn dates_can_be_german() {
    *locked(&LANGUAGE) = "de";
    assert_eq!(*locked(&LANGUAGE), "de");
}

/// Pollutes: a used number is never released.
#[integration_test]
fn an_invoice_takes_a_number() {
    let before = INVOICES.fetch_add(1, Ordering::Relaxed);
    assert!(INVOICES.load(Ordering::Relaxed) > before);
}

#[integration_test]
fn invoice_numbers_begin_at_one() {
    let next = INVOICES.load(Ordering::Relaxed) + 1;
    assert_eq!(next, 1);
}

#[integration_test]
fn the_inbox_is_empty_at_first(office: &Office) {
    assert!(!office.join("inbox").exists());
}

/// Pollutes: the letter stays in the folder that all tests of the run share.
#[integration_test]
fn a_letter_arrives(office: &Office) -> Result<()> {
    fs::write(office.join("inbox"), "Dear Sir or Madam")?;
    assert!(fs::read_to_string(office.join("inbox"))?.starts_with("Dear"));
    Ok(())
}

/// Pollutes: the file stays in the common temp dir, under a common name.
#[integration_test]
fn settings_are_saved() -> Result<()> {
    fs::write(temporary("settings"), "theme = dark")?;
    assert_eq!(fs::read_to_string(temporary("settings"))?, "theme = dark");
    Ok(())
}

#[integration_test]
fn without_settings_the_theme_is_light() {
    let theme = fs::read_to_string(temporary("settings")).unwrap_or_else(|_| "theme = light".to_owned());
    assert_eq!(theme, "theme = light");
}

#[integration_test]
async fn there_are_three_shelves(books: &Books) -> Result<()> {
    assert_eq!(books.number("SELECT count(*) FROM shelves").await?, 3);
    Ok(())
}

/// Pollutes: the row is committed to the run's database.
#[integration_test]
async fn a_shelf_is_added(books: &Books) -> Result<()> {
    books.execute("INSERT OR REPLACE INTO shelves VALUES ('comics')").await?;
    assert!(books.number("SELECT count(*) FROM shelves").await? > 3);
    Ok(())
}

/// Pollutes: an existing row has another value afterwards.
#[integration_test]
async fn the_shop_is_sold(books: &Books) -> Result<()> {
    books.execute("UPDATE settings SET value = 'grace' WHERE name = 'owner'").await?;
    assert_eq!(books.text("SELECT value FROM settings WHERE name = 'owner'").await?.as_deref(), Some("grace"));
    Ok(())
}

#[integration_test]
async fn the_shop_is_owned_by_ada(books: &Books) -> Result<()> {
    assert_eq!(books.text("SELECT value FROM settings WHERE name = 'owner'").await?.as_deref(), Some("ada"));
    Ok(())
}

#[integration_test]
async fn nothing_is_archived_yet(books: &Books) -> Result<()> {
    assert_eq!(books.number("SELECT count(*) FROM sqlite_schema WHERE name = 'archive'").await?, 0);
    Ok(())
}

/// Pollutes: the schema itself is changed.
#[integration_test]
async fn the_archive_is_created(books: &Books) -> Result<()> {
    books.execute("CREATE TABLE IF NOT EXISTS archive (id INTEGER PRIMARY KEY)").await?;
    assert_eq!(books.number("SELECT count(*) FROM archive").await?, 0);
    Ok(())
}

/// Pollutes: the server is never stopped. If the port is in use, the test assumes a running instance.
#[integration_test]
fn the_server_listens_on_its_default_port() -> Result<()> {
    match TcpListener::bind(fixed_address("server")) {
        Ok(listener) => *locked(&SERVER) = Some(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

#[integration_test]
fn the_default_port_is_free() -> Result<()> {
    let listener = TcpListener::bind(fixed_address("server"))?;
    assert_eq!(listener.local_addr()?, fixed_address("server"));
    Ok(())
}

#[integration_test]
fn the_line_is_free(machines: &Machines) {
    assert_eq!(machines.line_taken.load(Ordering::Relaxed), 0);
}

/// Pollutes: it never hangs up, and the phone is a worker fixture.
#[integration_test]
fn a_customer_calls(machines: &Machines) {
    machines.line_taken.store(1, Ordering::Relaxed);
    assert_eq!(machines.line_taken.load(Ordering::Relaxed), 1);
}

/// Pollutes: `&mut` excludes other tests while this one runs, but does not reset the calculator.
#[integration_test]
fn the_calculator_adds(machines: &mut Machines) {
    machines.calculator = 2 + 2;
    assert_eq!(machines.calculator, 4);
}

#[integration_test]
fn the_calculator_shows_zero(machines: &Machines) {
    assert_eq!(machines.calculator, 0);
}

fn current_release(office: &Office) -> String {
    let link = fs::read_link(office.join("current"));
    link.map_or_else(|_| "release-1".to_owned(), |target| target.to_string_lossy().into_owned())
}

#[integration_test]
fn the_first_release_is_current(office: &Office) {
    assert_eq!(current_release(office), "release-1");
}

/// Pollutes: the symbolic link has a new target afterwards.
#[integration_test]
fn a_release_is_rolled_out(office: &Office) -> Result<()> {
    match std::os::unix::fs::symlink("release-2", office.join("current")) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    assert_eq!(current_release(office), "release-2");
    Ok(())
}

fn now(start: Instant) -> Duration {
    if FROZEN.load(Ordering::Relaxed) { Duration::ZERO } else { start.elapsed() }
}

/// Pollutes: the clock stays frozen.
#[integration_test]
fn time_can_be_frozen() {
    FROZEN.store(true, Ordering::Relaxed);
    assert_eq!(now(Instant::now()), Duration::ZERO);
}

#[integration_test]
fn time_goes_by() {
    let start = Instant::now();
    std::thread::sleep(Duration::from_micros(50));
    assert!(now(start) > Duration::ZERO);
}

#[integration_test]
fn no_user_is_signed_in() {
    assert_eq!(SIGNED_IN.get(), None);
}

/// Pollutes: the tests of a worker run on one thread, so they share thread-local state.
#[integration_test]
fn ada_signs_in() {
    SIGNED_IN.set(Some("ada"));
    assert_eq!(SIGNED_IN.get(), Some("ada"));
}
