//! Content of tests is shown as text, whatever it is.

use itest::TempDir;
use itest::prelude::*;
use serde_json::json;

use crate::browser::{Appearance, Browser};
use crate::records::{HandWritten, OUTCOMES, report_of};

/// Markup that would run a script, if a page took it as markup.
const ATTACKS: [&str; 5] = [
    "<script>window.attacked = true</script>",
    "</script><script>window.attacked = true</script>",
    "<img src=x onerror='window.attacked = true'>",
    "\"><svg onload=window.attacked=true>",
    "javascript:window.attacked=true//<!--",
];

#[integration_test]
async fn markup_in_every_field_is_shown_as_text(browser: &Browser, dir: &TempDir) -> Result<()> {
    #[arrange]
    let mut record = HandWritten::new(dir)?;
    for attack in ATTACKS {
        let failure = json!({
            "phase": "act", "description": attack, "message": format!("{attack}\nassertion"), "location": format!("{attack}:1:1"),
            "backtrace": attack, "thread": attack,
        });
        let compared = json!({"phase": "assert", "message": format!("assertion `left == right` failed: {attack}\n  left: {attack}\n right: 1")});
        let exchange = json!({
            "at_us": 1, "elapsed_us": 1, "phase": "act", "from": attack, "to": attack, "operation": attack, "status": attack,
            "request": attack, "response": attack, "fault": attack, "remark": attack,
        });
        let fields = json!({
            "outcome": "failed", "location": format!("{attack}:1:1"), "failures": [failure, compared], "exchanges": [exchange],
            "stdout": attack, "stderr": attack, "leaks": [attack], "notes": [{"title": attack, "text": attack, "is_warning": true}],
            "phases": [{"phase": "act", "description": attack, "elapsed_us": 5}],
        });
        record.test(attack, fields);
    }
    record.test("skipped", json!({"outcome": "skipped", "skip_reason": ATTACKS[0]}));
    let report = record.report(dir)?;
    browser.set_appearance(Appearance::WIDE).await?;

    #[act]
    browser.console().await?;
    browser.open(&report, "").await?;
    let markup =
        "return document.querySelectorAll('main img, main svg, main script, main [onerror], main [onload]').length";
    let mut texts = Vec::new();
    for fragment in ["#/", "#/tests", "#/run"] {
        browser.go_to(fragment).await?;
        texts.push(browser.text("main").await?);
        assert_eq!(browser.run(markup).await?, 0, "{fragment}");
    }
    for attack in ATTACKS {
        browser.open(&report, "#/tests").await?;
        let open = "const link = [...document.querySelectorAll('.row a')].find((link) => link.textContent === NAME); link.click(); return link.textContent";
        browser.run(&open.replace("NAME", &json!(attack).to_string())).await?;
        browser.wait_for("document.querySelector('.view.test') !== null").await?;
        let shown = browser.text("main").await?;
        assert!(shown.matches(attack).count() >= 12, "{shown}");
        assert_eq!(browser.run(markup).await?, 0, "{attack}");
    }

    #[assert]
    assert!(ATTACKS.iter().all(|attack| texts[0].contains(attack) && texts[1].contains(attack)), "{texts:#?}");
    assert_eq!(browser.run("return window.attacked === undefined").await?, true);
    // A violation of the policy would be a message.
    assert_eq!(browser.console().await?, Vec::<String>::new());
    Ok(())
}

#[integration_test]
async fn policy_of_the_page_forbids_everything_but_its_own_script_and_style(
    browser: &Browser,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let report = report_of(OUTCOMES, dir, &["--exact", "passes"])?;
    browser.open(&report, "").await?;
    browser.console().await?;

    #[act]
    // The driver's scripts are not subject to the policy, but what they put into the page is.
    let blocked = browser
        .run_to_end(
            "const blocked = []; \
             document.addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective)); \
             const refused = (name, action) => { try { action(); } catch { blocked.push(name); } }; \
             const script = document.createElement('script'); \
             refused('script text', () => { script.textContent = 'window.attacked = true'; document.body.append(script); }); \
             refused('markup', () => { document.getElementById('main').innerHTML = '<b>bold</b>'; }); \
             document.body.setAttribute('style', 'color: red'); \
             refused('handler', () => document.body.setAttribute('onclick', 'window.attacked = true')); \
             document.body.append(Object.assign(document.createElement('img'), { src: 'http://127.0.0.1:9/x.png' })); \
             document.body.append(Object.assign(document.createElement('style'), { textContent: 'body { color: red }' })); \
             fetch('http://127.0.0.1:9/').catch(() => blocked.push('fetch')); \
             document.body.click(); \
             setTimeout(() => done(blocked), 300);",
        )
        .await?;

    #[assert]
    let blocked = blocked.to_string();
    let kinds =
        ["style-src-attr", "style-src-elem", "img-src", "connect-src", "fetch", "markup", "handler", "script text"];
    for kind in kinds {
        assert!(blocked.contains(kind), "{kind} is not blocked: {blocked}");
    }
    assert_eq!(browser.run("return window.attacked === undefined").await?, true);
    Ok(())
}

/// If markup came into the file by any way, its scripts would not run.
#[integration_test]
async fn script_that_is_inserted_into_the_file_does_not_run(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &["--exact", "passes"])?;
    let attacks = "<body><script>window.attacked = true</script><img src=data:, onerror='window.attacked = true'>";
    std::fs::write(&report, std::fs::read_to_string(&report)?.replacen("<body>", attacks, 1))?;
    browser.console().await?;
    browser.open(&report, "").await?;
    assert_eq!(browser.run("return window.attacked === undefined").await?, true);
    let violations = browser.console().await?;
    assert!(violations.iter().any(|message| message.contains("inline script")), "{violations:?}");
    Ok(())
}

#[integration_test]
async fn colours_of_a_terminal_are_shown_and_other_sequences_removed(browser: &Browser, dir: &TempDir) -> Result<()> {
    let mut record = HandWritten::new(dir)?;
    let output =
        "\u{1b}[1;31mred\u{1b}[0m plain \u{1b}[38;5;2mgreen\u{1b}[39m\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}end\r\n\u{0}";
    record.test("colours", json!({"stdout": output}));
    let report = record.report(dir)?;
    browser.open(&report, "#/test/colours").await?;
    let spans =
        "return [...document.querySelectorAll('pre span')].map((span) => span.className + ' ' + span.textContent)";
    assert_eq!(browser.run(spans).await?, json!(["ansi-1 ansi-bold red", "ansi-2 green"]));
    let text = browser.run("return document.querySelector('pre').textContent").await?;
    assert_eq!(text, "red plain green\u{fffd}end\n\u{fffd}");
    Ok(())
}

#[integration_test]
async fn huge_line_and_invalid_bytes_make_a_small_page(browser: &Browser, dir: &TempDir) -> Result<()> {
    let mut record = HandWritten::new(dir)?;
    record.test("huge", json!({"stdout": "x".repeat(10 << 20)}));
    record.test("invalid", json!({"stdout_bytes": [97, 255, 98]}));
    let report = record.report(dir)?;
    assert!(std::fs::metadata(&report)?.len() < 1 << 20);
    browser.open(&report, "#/test/huge").await?;
    let shown = browser.run("return document.querySelector('pre').textContent").await?;
    let shown = shown.as_str().unwrap_or_default();
    assert!(shown.len() < 100_000 && shown.contains("bytes left out"), "{}", shown.len());
    browser.go_to("#/test/invalid").await?;
    assert_eq!(browser.text("pre").await?, "a\u{fffd}b");
    Ok(())
}

#[integration_test]
async fn name_with_any_character_has_an_address(browser: &Browser, dir: &TempDir) -> Result<()> {
    let names = ["a/b?c#d%20", "ünïcode::😀", "a b'c\"d\\e", "%E0%A4%A"];
    let mut record = HandWritten::new(dir)?;
    for name in names {
        record.test(name, json!({}));
    }
    let report = record.report(dir)?;
    for name in names {
        browser.open(&report, "#/tests").await?;
        let open = "[...document.querySelectorAll('.row a')].find((link) => link.textContent === NAME).click()";
        browser.run(&open.replace("NAME", &json!(name).to_string())).await?;
        browser.wait_for("document.querySelector('.view.test') !== null").await?;
        assert_eq!(browser.text(".test-title h1").await?, name);
        browser.run("location.reload()").await?;
        browser.wait_for("document.querySelector('.test-title h1') !== null").await?;
        assert_eq!(browser.text(".test-title h1").await?, name);
    }
    Ok(())
}
