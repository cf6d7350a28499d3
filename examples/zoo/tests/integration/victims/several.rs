//! Victims of several polluters: of either of two, of two together, and of chains in which one polluter enables the other.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::Ordering;

use itest::prelude::*;

use crate::application::{CART, CLOSING_HOOK, KNOWN_RATE, LOG, RATE, REFUSING, locked};
use crate::office::{Books, Office};
use crate::surroundings::set_variable;

/// Pollutes by itself, like the next polluter.
#[integration_test]
fn a_book_is_put_into_the_cart() {
    *locked(&CART) = Some("book");
    assert_eq!(*locked(&CART), Some("book"));
}

#[integration_test]
fn the_cart_is_empty() {
    assert_eq!(*locked(&CART), None);
}

/// Pollutes by itself.
#[integration_test]
fn a_pen_is_put_into_the_cart() {
    *locked(&CART) = Some("pen");
    assert_eq!(*locked(&CART), Some("pen"));
}

#[integration_test]
fn no_draft_is_left(office: &Office) {
    assert!(!office.join("draft").exists());
}

/// Pollutes by itself: it does not remove its file.
#[integration_test]
fn a_letter_is_drafted(office: &Office) -> Result<()> {
    fs::write(office.join("draft"), "letter")?;
    assert!(office.join("draft").exists());
    Ok(())
}

/// Pollutes by itself, with the same file.
#[integration_test]
fn a_speech_is_drafted(office: &Office) -> Result<()> {
    fs::write(office.join("draft"), "speech")?;
    assert!(office.join("draft").exists());
    Ok(())
}

/// Pollutes by itself.
#[integration_test]
fn a_feature_is_on_for_everyone() {
    set_variable("ZOO_FEATURE", Some("everyone"));
    assert_eq!(env::var("ZOO_FEATURE").as_deref(), Ok("everyone"));
}

/// Pollutes by itself.
#[integration_test]
fn a_feature_is_on_for_testers() {
    set_variable("ZOO_FEATURE", Some("testers"));
    assert_eq!(env::var("ZOO_FEATURE").as_deref(), Ok("testers"));
}

#[integration_test]
fn the_feature_is_off() {
    assert!(env::var_os("ZOO_FEATURE").is_none());
}

/// One half of the pollution: a single node is no conflict.
#[integration_test]
fn the_first_node_registers(office: &Office) -> Result<()> {
    fs::write(office.join("node-1"), "ready")?;
    assert!(office.join("node-1").exists());
    Ok(())
}

#[integration_test]
fn there_are_never_two_leaders(office: &Office) {
    let nodes = ["node-1", "node-2"].iter().filter(|node| office.join(node).exists()).count();
    assert!(nodes < 2, "both nodes lead");
}

/// The other half of the pollution, in any order.
#[integration_test]
fn the_second_node_registers(office: &Office) -> Result<()> {
    fs::write(office.join("node-2"), "ready")?;
    assert!(office.join("node-2").exists());
    Ok(())
}

/// One half of the pollution: the budget is enough for either the rent or the heating.
#[integration_test]
async fn the_rent_is_booked(books: &Books) -> Result<()> {
    let changed = books.execute("INSERT OR REPLACE INTO expenses VALUES ('rent', 700)").await?;
    assert_eq!(changed, 1);
    Ok(())
}

/// The other half of the pollution, in any order.
#[integration_test]
async fn the_heating_is_booked(books: &Books) -> Result<()> {
    let changed = books.execute("INSERT OR REPLACE INTO expenses VALUES ('heating', 400)").await?;
    assert_eq!(changed, 1);
    Ok(())
}

#[integration_test]
async fn the_budget_is_kept(books: &Books) -> Result<()> {
    assert!(books.number("SELECT coalesce(sum(amount), 0) FROM expenses").await? <= 1000);
    Ok(())
}

/// The first half: it caches the rate.
#[integration_test]
fn the_rate_is_cached() {
    let known = KNOWN_RATE.get_or_init(|| RATE.load(Ordering::Relaxed));
    assert!(*known > 0);
}

/// The second half: it makes a cached rate outdated. A rate that is cached later is correct.
#[integration_test]
fn the_rate_changes() {
    RATE.store(2, Ordering::Relaxed);
    assert_eq!(RATE.load(Ordering::Relaxed), 2);
}

#[integration_test]
fn the_known_rate_is_the_current_one() {
    let current = RATE.load(Ordering::Relaxed);
    assert_eq!(*KNOWN_RATE.get().unwrap_or(&current), current);
}

fn log_file(office: &Office) -> PathBuf {
    office.join(format!("log-{}", process::id()))
}

fn open_log(office: &Office) -> Result<File> {
    Ok(File::options().create(true).append(true).open(log_file(office))?)
}

#[integration_test]
fn a_line_in_the_log_can_be_read_back(office: &Office) -> Result<()> {
    match &mut *locked(&LOG) {
        Some(log) => log.write_all(b"a customer came\n")?,
        None => open_log(office)?.write_all(b"a customer came\n")?,
    }
    let log = fs::read_to_string(log_file(office)).unwrap_or_default();
    assert!(log.contains("a customer came"), "the log does not say so");
    Ok(())
}

/// The first half: it keeps the log file open.
#[integration_test]
fn the_log_is_opened(office: &Office) -> Result<()> {
    let mut log = locked(&LOG);
    if log.is_none() {
        *log = Some(open_log(office)?);
    }
    assert!(log.is_some());
    Ok(())
}

/// The second half: a process with an open log file still writes to the old file.
#[integration_test]
fn the_log_is_rotated(office: &Office) -> Result<()> {
    if log_file(office).exists() {
        fs::rename(log_file(office), office.join(format!("old-log-{}", process::id())))?;
    }
    assert!(!log_file(office).exists());
    Ok(())
}

/// The first half: it has no effect until the shop closes.
#[integration_test]
fn a_closing_hook_is_registered() {
    CLOSING_HOOK.store(true, Ordering::Relaxed);
    assert!(CLOSING_HOOK.load(Ordering::Relaxed));
}

/// The second half: with the hook, it makes the shop refuse orders.
#[integration_test]
fn the_shop_closes() {
    if CLOSING_HOOK.load(Ordering::Relaxed) {
        REFUSING.store(true, Ordering::Relaxed);
    }
    assert_eq!(CLOSING_HOOK.load(Ordering::Relaxed), REFUSING.load(Ordering::Relaxed));
}

#[integration_test]
fn orders_are_accepted() {
    assert!(!REFUSING.load(Ordering::Relaxed), "the shop is closed");
}

#[integration_test]
fn the_archive_is_complete(office: &Office) {
    assert!(!office.join("archive-was-cleared").exists());
}

/// The second half: without the variable it clears nothing.
#[integration_test]
fn old_archives_are_cleared(office: &Office) -> Result<()> {
    let is_armed = env::var_os("ZOO_REALLY_CLEAR").is_some();
    if is_armed {
        fs::write(office.join("archive-was-cleared"), "yes")?;
    }
    assert!(!is_armed || office.join("archive-was-cleared").exists());
    Ok(())
}

/// The first half.
#[integration_test]
fn clearing_can_be_meant_seriously() {
    set_variable("ZOO_REALLY_CLEAR", Some("1"));
    assert!(env::var_os("ZOO_REALLY_CLEAR").is_some());
}
