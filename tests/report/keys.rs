//! The report without a mouse.

use itest::TempDir;
use itest::prelude::*;

use crate::browser::{Appearance, Browser};
use crate::records::{OUTCOMES, report_of};

/// The codes of keys in the WebDriver protocol.
const ENTER: &str = "\u{e007}";
const DOWN: &str = "\u{e015}";
const TAB: &str = "\u{e004}";
const RIGHT: &str = "\u{e014}";
const END: &str = "\u{e010}";

const TESTS: [&str; 6] =
    ["--exact", "passes", "passes_in_phases", "fails_in_act", "fails_in_assert", "needs_the_unreachable"];

#[integration_test]
async fn search_list_and_test_are_reached_by_keys(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &TESTS)?;
    browser.set_appearance(Appearance::WIDE).await?;
    browser.open(&report, "").await?;
    browser.press("/fails_in").await?;
    browser
        .wait_for("location.hash === '#/tests?text=fails_in' && document.querySelectorAll('.row').length === 2")
        .await?;
    assert_eq!(browser.run("return document.activeElement.id").await?, "search");
    browser.run("document.querySelector('.row a').focus()").await?;
    browser.press(DOWN).await?;
    assert_eq!(browser.run("return document.activeElement.textContent").await?, "fails_in_assert");
    browser.press(ENTER).await?;
    browser
        .wait_for("location.hash === '#/test/fails_in_assert' && document.querySelector('.problem') !== null")
        .await?;
    browser.back().await?;
    browser
        .wait_for("location.hash === '#/tests?text=fails_in' && document.querySelectorAll('.row').length === 2")
        .await?;
    Ok(())
}

#[integration_test]
async fn keys_go_through_the_failures(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &TESTS)?;
    browser.open(&report, "").await?;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let before = browser.run("return location.hash").await?;
        browser.press("n").await?;
        browser
            .wait_for(&format!("location.hash !== {before} && document.querySelector('.view.test') !== null"))
            .await?;
        seen.insert(browser.run("return location.hash").await?.to_string());
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    let last = browser.run("return location.hash").await?;
    browser.press("p").await?;
    browser.wait_for(&format!("location.hash !== {last}")).await?;
    assert!(seen.contains(&browser.run("return location.hash").await?.to_string()));
    Ok(())
}

#[integration_test]
async fn first_key_skips_to_the_content_and_focus_is_visible(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &TESTS)?;
    browser.open(&report, "").await?;
    browser.press(TAB).await?;
    assert_eq!(browser.run("return document.activeElement.id").await?, "skip");
    let outline = browser.run("return getComputedStyle(document.activeElement).outlineStyle").await?;
    assert_ne!(outline, "none");
    browser.press(ENTER).await?;
    assert_eq!(browser.run("return document.activeElement.id").await?, "main");
    Ok(())
}

#[integration_test]
async fn lanes_are_read_by_keys(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &TESTS)?;
    browser.open(&report, "#/run").await?;
    browser.run("document.querySelector('canvas').focus()").await?;
    let announced = "return document.getElementById('announcement').textContent";
    browser.press(RIGHT).await?;
    let second = browser.run(announced).await?;
    assert!(second.as_str().is_some_and(|text| text.contains("on worker")), "{second}");
    browser.press(END).await?;
    assert_ne!(browser.run(announced).await?, second);
    browser.press(ENTER).await?;
    browser.wait_for("document.querySelector('.view.test') !== null").await?;
    Ok(())
}

#[integration_test]
async fn chosen_colours_last(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &["--exact", "passes"])?;
    browser.set_appearance(Appearance::WIDE).await?;
    browser.open(&report, "").await?;
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let light = browser.run(ground).await?;
    for _ in 0..2 {
        browser.click("#theme").await?;
    }
    let dark = browser.run(ground).await?;
    assert_ne!(light, dark);
    browser.open(&report, "").await?;
    assert_eq!(browser.run(ground).await?, dark);
    browser.click("#theme").await?;
    assert_eq!(browser.run(ground).await?, light);
    Ok(())
}
