//! A report that lacks something says so on its first view, and is never green.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;
use serde_json::json;

use crate::browser::Browser;
use crate::records::{HandWritten, OUTCOMES, report_of, report_of_records};

const SELECTION: &str = env!("CARGO_BIN_EXE_suite-selection");

#[integration_test]
async fn record_that_is_cut_off_makes_a_red_report_that_says_so(browser: &Browser, dir: &TempDir) -> Result<()> {
    #[arrange]
    let record = dir.join("run.itest");
    Suite::new(OUTCOMES, dir).args(&["--exact", "passes", "skips", "--record", &record.display().to_string()]).run()?;
    let bytes = fs::read(&record)?;
    let end = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').ok_or("the record has one line")?;
    fs::write(&record, &bytes[..end + 20])?;

    #[act]
    let report = report_of_records(dir, &[&record])?;
    browser.open(&report, "").await?;

    #[assert]
    assert_eq!(browser.text("h1").await?, "The run failed, although no test failed");
    assert!(browser.text(".notice.bad").await?.contains("a record ends early"));
    Ok(())
}

#[integration_test]
async fn file_that_is_cut_off_shows_what_it_has(browser: &Browser, dir: &TempDir) -> Result<()> {
    let mut record = HandWritten::new(dir)?;
    for number in 0..2_000 {
        record.test(&format!("orders::test_{number}"), json!({"stdout": format!("{}", number * 7_919)}));
    }
    let report = record.report(dir)?;
    let page = fs::read(&report)?;
    // A whole number of lines, and one that ends in its middle.
    let data = page.windows(4).rposition(|window| window == b"JSON").ok_or("the page has no data")?;

    for end in [page.len() - 2_000, data + 20_000, data + 16_391] {
        fs::write(&report, &page[..end])?;
        browser.open(&report, "").await?;
        assert_eq!(browser.text("h1").await?, "The run did not end");
        let notice = browser.text(".notice.bad").await?;
        assert!(notice.contains("This report ends early"), "{notice}");
        let tests = browser.run("return model.tests.length").await?.as_u64().unwrap_or_default();
        assert!(tests > 100 && tests <= 2_000, "{tests}");
    }
    Ok(())
}

#[integration_test]
async fn missing_shard_is_named_on_the_first_view(browser: &Browser, dir: &TempDir) -> Result<()> {
    let record = dir.join("part.itest");
    Suite::new(SELECTION, dir).args(&["--shard", "2/3", "--record", &record.display().to_string()]).run()?;
    let report = report_of(SELECTION, dir, &["--report", &record.display().to_string()])?;
    browser.open(&report, "").await?;
    let notice = browser.text(".notice.warning").await?;
    assert!(notice.contains("these parts of the suite are missing: 1/3, 3/3"), "{notice}");
    Ok(())
}

#[integration_test]
async fn test_of_two_records_is_shown_once_with_its_worst_outcome(browser: &Browser, dir: &TempDir) -> Result<()> {
    #[arrange]
    let record = |name: &str| dir.join(name);
    let run = |file: &str, tests: &[&str]| {
        let file = record(file).display().to_string();
        Suite::new(OUTCOMES, dir).args(&["--exact", "--record", &file]).args(tests).run()
    };
    run("one.itest", &["passes", "fails_in_act"])?;
    run("two.itest", &["passes", "passes_in_phases"])?;

    #[act]
    let report = report_of_records(dir, &[&record("one.itest"), &record("two.itest")])?;
    browser.open(&report, "").await?;

    #[assert]
    assert_eq!(browser.text("h1").await?, "1 of 3 tests failed");
    let notice = browser.text(".notice.warning").await?;
    assert!(notice.contains("1 test ran more than once: the merged records overlap"), "{notice}");
    Ok(())
}

#[integration_test]
async fn fields_of_a_later_version_do_not_harm(browser: &Browser, dir: &TempDir) -> Result<()> {
    let mut record = HandWritten::new(dir)?;
    record.test("from_the_future", json!({"new_field": {"a": [1]}}));
    let report = record.report(dir)?;
    browser.open(&report, "").await?;
    assert_eq!(browser.text("h1").await?, "The only test passed");
    Ok(())
}
