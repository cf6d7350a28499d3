//! Broken tests: they always fail, because their claims are wrong.

use std::fs;

use itest::prelude::*;

use crate::surroundings::work_for;

#[integration_test]
fn ten_percent_of_ninety_are_ten() {
    assert_eq!(90 * 10 / 100, 10);
}

#[integration_test]
fn the_manual_is_there() -> Result<()> {
    let manual = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/MANUAL.md"))?;
    assert!(!manual.is_empty());
    Ok(())
}

#[integration_test]
fn a_week_has_an_eighth_day() {
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].to_vec();
    assert_ne!(days[days.len()], "Sun");
}

#[integration_test(timeout = "20ms")]
async fn a_minute_passes_quickly() {
    work_for(60_000).await;
}
