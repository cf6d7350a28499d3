//! Each view in both colour schemes, wide and narrow: axe-core finds no violation, nothing is wider than the window, and a picture of the
//! view is kept.

use std::fs;
use std::path::Path;

use itest::TempDir;
use itest::prelude::*;
use serde_json::{Value, json};

use crate::browser::{Appearance, Browser};
use crate::records::{HandWritten, OUTCOMES, STAND_INS, report_of};

/// The axe-core that `.ci/run` installs.
fn axe() -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/axe/node_modules/axe-core/axe.min.js");
    match fs::read_to_string(file) {
        Ok(script) => Ok(script),
        Err(_) => itest::unavailable!("axe-core", "npm install --prefix target/axe axe-core@4.14.1"),
    }
}

/// What axe-core finds on the page.
async fn violations(browser: &Browser) -> Result<Vec<Value>> {
    let reported = browser
        .run_to_end(
            "axe.run(document, { resultTypes: ['violations'] }).then((result) => \
             done(result.violations.map((one) => [one.id, one.nodes.map((node) => node.target.join(' ') + ': ' + node.failureSummary)])));",
        )
        .await?;
    Ok(reported.as_array().cloned().unwrap_or_default())
}

async fn check_views(browser: &Browser, report: &Path, name: &str, fragments: &[String]) -> Result<()> {
    let axe = axe()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    fs::create_dir_all(&folder)?;
    for appearance in Appearance::ALL {
        browser.set_appearance(appearance).await?;
        browser.open(report, "").await?;
        browser.run(&axe).await?;
        for fragment in fragments {
            browser.go_to(fragment).await?;
            let view = fragment.trim_start_matches("#/").split('/').next().filter(|view| !view.is_empty());
            let view = view.unwrap_or("overview").split('?').next().unwrap_or_default();
            let Appearance { width, scheme } = appearance;
            assert_eq!(violations(browser).await?, Vec::<Value>::new(), "{fragment} {appearance:?}");
            let surplus = browser.run("return document.documentElement.scrollWidth - innerWidth").await?;
            assert!(surplus.as_i64() <= Some(0), "{fragment} {appearance:?} is {surplus} pixels too wide");
            browser.save_screenshot(&folder.join(format!("{name}-{view}-{width}-{scheme}.png"))).await?;
        }
    }
    Ok(())
}

fn views_and(test: &str) -> Vec<String> {
    let views = ["#/", "#/tests", "#/run"].map(str::to_owned);
    [&views[..], &[format!("#/test/{test}")]].concat()
}

#[integration_test(timeout = "3m")]
async fn each_view_of_a_red_run_is_accessible(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &["--skip", "times_out", "--skip", "hangs"])?;
    check_views(browser, &report, "outcomes", &views_and("passes_at_last?attempt=1")).await
}

#[integration_test(timeout = "3m")]
async fn each_view_of_exchanges_is_accessible(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(STAND_INS, dir, &[])?;
    check_views(browser, &report, "stand-ins", &views_and("exchanges_of_a_failed_test")).await
}

#[integration_test(timeout = "3m")]
async fn each_view_of_an_empty_run_is_accessible(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = HandWritten::new(dir)?.report(dir)?;
    check_views(browser, &report, "empty", &views_and("no_such_test")).await
}

/// The reports of the examples, which `.ci/report-pages` writes.
#[integration_test(timeout = "3m")]
async fn each_view_of_an_example_is_accessible(
    browser: &Browser,
    #[values("bank", "shop", "zoo")] example: &str,
) -> Result<()> {
    let report = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/report/{example}.html"));
    if !report.exists() {
        itest::unavailable!("the reports of the examples", ".ci/report-pages")
    }
    let report = report.canonicalize()?;
    browser.open(&report, "").await?;
    let first = browser.run("return encodeURIComponent(model.tests[0].name)").await?;
    check_views(browser, &report, example, &views_and(first.as_str().unwrap_or_default())).await
}

/// A check that finds nothing must be able to find something.
#[integration_test]
async fn violation_is_noticed(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &["--exact", "passes"])?;
    browser.open(&report, "").await?;
    browser.run(&axe()?).await?;
    browser.run("document.querySelector('main').append(document.createElement('button'))").await?;
    let reported = violations(browser).await?;
    assert!(json!(reported).to_string().contains("button-name"), "{reported:?}");
    Ok(())
}
