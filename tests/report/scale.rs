//! Ten thousand tests. How long the page takes is measured by `benches/report`.

use itest::TempDir;
use itest::prelude::*;
use serde_json::json;

use crate::browser::{Appearance, Browser};
use crate::records::HandWritten;

#[integration_test(timeout = "2m")]
async fn list_of_ten_thousand_tests_has_only_the_visible_rows(browser: &Browser, dir: &TempDir) -> Result<()> {
    #[arrange]
    let mut record = HandWritten::new(dir)?;
    for number in 0..10_000 {
        let fields = match number % 100 {
            7 => {
                json!({"outcome": "failed", "failures": [{"phase": "body", "message": format!("broken pipe {number}")}]})
            }
            _ => json!({}),
        };
        record.test(&format!("orders::test_{number:05}"), fields);
    }
    let report = record.report(dir)?;
    browser.set_appearance(Appearance::WIDE).await?;
    let rows = "return document.querySelectorAll('.row').length";
    let names = "return [...document.querySelectorAll('.row .test-name')].map((row) => row.textContent)";

    #[act]
    browser.open(&report, "#/tests?sort=name").await?;
    browser.wait_for("document.querySelectorAll('.row').length > 10").await?;
    assert!(browser.run(rows).await?.as_u64() < Some(100));
    browser.run("scrollTo(0, document.documentElement.scrollHeight)").await?;

    #[assert]
    browser.wait_for("document.querySelector('.rows').lastElementChild.textContent.includes('test_09999')").await?;
    assert!(browser.run(rows).await?.as_u64() < Some(100));
    // The order in the document is that of the rows, because the Tab key and screen readers follow it.
    browser.run("scrollBy(0, -3000)").await?;
    browser.wait_for("!document.querySelector('.rows').lastElementChild.textContent.includes('test_09999')").await?;
    let shown = browser.run(names).await?;
    let shown: Vec<_> = shown.as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
    assert!(shown.len() > 10 && shown.is_sorted(), "{shown:?}");
    browser.open(&report, "#/tests?text=broken+7").await?;
    assert!(browser.text(".list-summary").await?.starts_with("100 of 10,000 tests with “broken 7”"));
    browser.open(&report, "").await?;
    assert_eq!(browser.text("h1").await?, "100 of 10,000 tests failed for 1 reason");
    Ok(())
}
