//! `--show-data`: the rows that a failed test added, changed and deleted.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-changes"), dir)
}

#[integration_test(tags("postgres", "mysql"))]
fn a_failed_test_shows_what_it_did_to_its_rows(
    #[values("memory", "file", "postgres", "transaction", "schema", "mysql")] backend: &str,
    dir: &TempDir,
) -> Result<()> {
    #[act]
    let events = suite(dir).events(&["--show-data", "--jobs", "1", &format!("sells::{backend}")])?;
    #[assert]
    for customer in ["first", "second"] {
        let told = events.case(&format!("sells::{backend}::customer_{customer}"))["stderr"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let expected = format!(
            "itest: what the test did to the rows of its database:\n  \
             product: 1 added, 1 changed, 1 deleted\n    \
             + id=10 name='for the {customer}' stock=1\n    ~ id=2: stock: 10 → 9\n    - id=3 name='old map' stock=NULL\n  \
             visit: 2 added\n    + page=/products\n    + page=/products\n"
        );
        assert!(told.contains(&expected), "{told}, in: {}", events.finished.stdout());
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"))]
fn there_may_be_nothing_to_show(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--show-data", "looks_only", "passes", "breaks_its_transaction"])?;
    let told = |test: &str| events.case(test)["stderr"].as_str().unwrap_or_default().to_owned();
    assert_eq!(told("looks_only"), "itest: the test changed no rows of its database\n");
    assert_eq!(told("passes"), "");
    let broken = told("breaks_its_transaction");
    assert!(broken.contains("cannot be shown") && broken.contains("rows"), "{broken}");
    Ok(())
}

#[integration_test]
fn nobody_who_does_not_ask_is_shown_anything(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["looks_only"])?;
    assert_eq!(events.case("looks_only")["stderr"].as_str(), None);
    Ok(())
}
