//! Measures the HTML report of 10,000 tests, and fails if a bound is missed.

#[path = "../../../tests/report/browser.rs"]
#[expect(dead_code, reason = "the tests of the report use all of it")]
mod browser;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use itest::TempDir;
use itest::prelude::*;
use serde_json::{Value, json};

use browser::{Appearance, Browser};

itest::main!();

const TESTS: u64 = 10_000;
const MAX_BYTES: u64 = 5_000_000;
const MAX_FIRST_PAINT: Duration = Duration::from_secs(1);
const MAX_FILTER: Duration = Duration::from_millis(100);
const MAX_WRITING: Duration = if cfg!(debug_assertions) { Duration::from_secs(2) } else { Duration::from_millis(300) };
const ROUNDS: usize = 3;

/// The suite, without the settings of this run.
fn suite(dir: &TempDir) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("suite"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ITEST_")) {
        command.env_remove(name);
    }
    command.env("ITEST_SESSION_DIR", dir.join("sessions")).current_dir(dir.path()).stdout(Stdio::null());
    Ok(command)
}

/// Numbers that repeat with each measurement.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn exchange(numbers: &mut Numbers) -> Value {
    json!({
        "at_us": numbers.below(90_000), "elapsed_us": numbers.below(3_000), "phase": "act", "from": "test", "to": "shop",
        "operation": format!("POST /orders/{}/pay", numbers.below(100)), "status": "200", "request_bytes": 22, "response_bytes": 30,
        "request": format!("{{\"item\":\"book\",\"n\":{}}}", numbers.below(9)),
        "response": format!("{{\"id\":{},\"status\":\"paid\"}}", numbers.below(100_000)),
    })
}

/// The line of a test: one of fifty has failed with 2 kB of output, and each has ten exchanges.
fn test_line(number: u64, numbers: &mut Numbers) -> Value {
    let exchanges: Vec<_> = (0..10).map(|_| exchange(numbers)).collect();
    let module = ["orders", "payments", "basket", "search"][usize::try_from(number % 4).unwrap_or_default()];
    let mut test = json!({
        "event": "case_finished", "id": format!("{module}::customer_{number}"), "location": format!("tests/{module}.rs:{}:1", number / 4),
        "worker": number % 4, "attempt": 1, "outcome": "passed", "started_us": number / 4 * 30_000, "elapsed_us": 29_000, "exchanges": exchanges,
        "phases": [
            {"phase": "setup", "elapsed_us": numbers.below(9_000)}, {"phase": "arrange", "elapsed_us": numbers.below(5_000)},
            {"phase": "act", "description": "the customer pays", "elapsed_us": numbers.below(10_000)},
            {"phase": "assert", "elapsed_us": numbers.below(1_000)}, {"phase": "teardown", "elapsed_us": numbers.below(4_000)},
        ],
    });
    if number % 50 == 7 {
        let lines = (0..25).map(|line| {
            format!(
                "DEBUG sqlx: SELECT * FROM orders WHERE id = {} -- statement {line:04} of the test\n",
                numbers.below(1_000)
            )
        });
        test["outcome"] = "failed".into();
        test["stdout"] = lines.collect::<String>().into();
        let message = format!("assertion `left == right` failed\n  left: {}\n right: 200", 500 + number % 5);
        test["failures"] = json!([{"phase": "assert", "message": message, "location": format!("tests/{module}.rs:{}:9", number % 70)}]);
    }
    test
}

fn write_record(dir: &TempDir) -> Result<PathBuf> {
    let head = dir.join("head.itest");
    suite(dir)?.arg("--record").arg(&head).status()?;
    let bytes = fs::read(&head)?;
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("the record has no line")?;
    let mut lines = String::from_utf8(bytes[..=end].to_vec())?;
    let mut numbers = Numbers(7);
    for number in 0..TESTS {
        lines += &format!("{}\n", test_line(number, &mut numbers));
    }
    lines += &format!(
        "{}\n",
        json!({"event": "run_finished", "passed": TESTS / 50 * 49, "flaky": 0, "failed": TESTS / 50, "ignored": 0, "elapsed_us": 75_000_000, "success": false})
    );
    let record = dir.join("record.itest");
    fs::write(&record, lines)?;
    Ok(record)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The time in which the record is read, merged and reported.
fn time_of(dir: &TempDir, record: &Path, report: Option<&Path>) -> Result<Duration> {
    let mut command = suite(dir)?;
    command.arg("--report").arg(record).arg("--format").arg("terse");
    if let Some(report) = report {
        command.arg("--html").arg(report);
    }
    let since = Instant::now();
    command.status()?;
    Ok(since.elapsed())
}

/// The filters that are measured: what the address becomes, one after the other, and words that are typed.
const FILTERS: &str = "
    const times = [];
    const timed = (name, action) => {
        const since = performance.now();
        action();
        document.body.getBoundingClientRect();
        times.push([name, performance.now() - since]);
    };
    const search = document.getElementById('search');
    for (const text of ['p', 'pa', 'payments', 'payments 50', 'statement 0003', '']) {
        timed('text ' + text, () => { search.value = text; search.dispatchEvent(new Event('input')); });
    }
    for (const query of ['outcome=failing', 'file=tests/basket.rs', 'min=10', 'sort=duration', 'sort=name']) {
        timed(query, () => replaceAddress('#/tests?' + query));
    }
    done(times);
";

#[integration_test(timeout = "10m")]
async fn report_of_ten_thousand_tests(browser: &Browser, dir: &TempDir) -> Result<()> {
    let record = write_record(dir)?;
    let report = dir.join("report.html");
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(time_of(dir, &record, None)?);
        with.push(time_of(dir, &record, Some(&report))?);
    }
    let writing = median(with).saturating_sub(median(without));
    let bytes = fs::metadata(&report)?.len();
    println!("writing: {writing:.0?}, at most {MAX_WRITING:?}");
    println!("size: {bytes} bytes, at most {MAX_BYTES}");

    let mut paints = Vec::new();
    for _ in 0..ROUNDS {
        browser.set_appearance(Appearance::WIDE).await?;
        browser.open(&report, "").await?;
        browser.wait_for("performance.getEntriesByName('itest-painted').length > 0").await?;
        let painted = browser.run("return performance.getEntriesByName('itest-painted')[0].startTime").await?;
        paints.push(Duration::from_secs_f64(painted.as_f64().unwrap_or(f64::MAX) / 1e3));
    }
    let paint = median(paints);
    println!("first paint with content: {paint:.0?}, at most {MAX_FIRST_PAINT:?}");

    let mut slowest = Duration::ZERO;
    for filter in browser.run_to_end(FILTERS).await?.as_array().ok_or("the script returns times")? {
        let time = Duration::from_secs_f64(filter[1].as_f64().unwrap_or(f64::MAX) / 1e3);
        println!("filter {}: {time:.1?}, at most {MAX_FILTER:?}", filter[0]);
        slowest = slowest.max(time);
    }
    assert!(
        bytes <= MAX_BYTES && writing <= MAX_WRITING && paint <= MAX_FIRST_PAINT && slowest <= MAX_FILTER,
        "a bound is missed"
    );
    Ok(())
}
