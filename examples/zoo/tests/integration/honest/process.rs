//! Process state: variables, the working directory, globals. The tests restore it, or set it before they use it.

use std::env;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use itest::prelude::*;

use crate::application::{COUNTER, LANGUAGE, PRICES, locked};
use crate::office::Machines;
use crate::surroundings::set_variable;

/// Restores a variable when it is dropped, also if the test fails.
struct Variable {
    name: &'static str,
    before: Option<String>,
}

impl Variable {
    fn set(name: &'static str, value: &str) -> Self {
        let before = env::var(name).ok();
        set_variable(name, Some(value));
        Self { name, before }
    }
}

impl Drop for Variable {
    fn drop(&mut self) {
        set_variable(self.name, self.before.as_deref());
    }
}

/// Restores the working directory when it is dropped.
struct Directory {
    before: PathBuf,
}

impl Directory {
    fn change(to: &TempDir) -> Result<Self> {
        let before = env::current_dir()?;
        env::set_current_dir(to)?;
        Ok(Self { before })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let back = env::set_current_dir(&self.before);
        debug_assert!(back.is_ok(), "the working directory is gone");
    }
}

/// Uses the same variables that other tests set and leave.
#[integration_test]
fn a_variable_is_put_back(
    #[values("ZOO_CURRENCY", "ZOO_PROXY", "ZOO_FEATURE", "ZOO_API_KEY")] name: &'static str,
    #[values("", "1", "USD")] value: &str,
) {
    let before = env::var(name).ok();
    {
        let _set = Variable::set(name, value);
        assert_eq!(env::var(name).as_deref(), Ok(value));
    }
    assert_eq!(env::var(name).ok(), before);
}

#[integration_test]
fn the_directory_is_put_back(dir: TempDir, #[values(0, 1, 2, 3, 4)] _n: u32) -> Result<()> {
    let before = env::current_dir()?;
    {
        let _changed = Directory::change(&dir)?;
        std::fs::write("relative", "here")?;
        assert!(dir.join("relative").exists());
    }
    assert_eq!(env::current_dir()?, before);
    Ok(())
}

/// Sets the language that it needs, and restores the earlier one.
#[integration_test]
fn a_language_is_chosen(#[values("en", "de", "fr", "it")] language: &'static str) {
    let before = std::mem::replace(&mut *locked(&LANGUAGE), language);
    let chosen = *locked(&LANGUAGE);
    *locked(&LANGUAGE) = before;
    assert_eq!(chosen, language);
}

/// Uses its own articles in the shared cache. It does not matter whether they exist before.
#[integration_test]
fn a_price_of_its_own(#[values("chair", "table", "vase", "clock", "mirror")] article: &'static str) {
    locked(&PRICES).insert(article, 10);
    assert_eq!(locked(&PRICES).get(article), Some(&10));
}

/// Counts relative to the initial value.
#[integration_test]
fn a_counter_counts(#[values(1, 2, 3, 4, 5)] step: u32) {
    let before = COUNTER.load(Ordering::Relaxed);
    COUNTER.fetch_add(step, Ordering::Relaxed);
    assert_eq!(COUNTER.load(Ordering::Relaxed), before + step);
    COUNTER.store(before, Ordering::Relaxed);
}

/// Reads the counter twice. It draws no ticket, because other tests share the machine.
#[integration_test]
fn tickets_are_counted(machines: &Machines, #[values(0, 1, 2, 3)] _n: u32) {
    let before = machines.tickets.load(Ordering::Relaxed);
    assert_eq!(machines.tickets.load(Ordering::Relaxed), before);
}
