//! The coverage of integration points: its reports, its limits, and the selection of tests by a point.

use std::collections::BTreeMap;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite};
use serde_json::Value;

const REPORT: &str = "\
# Integration tests of `itest-tests-suite_coverage`

`--integration-coverage` has written this file from a run of the suite. Do not edit it.

7 of 14 integration points are covered: 50 %.

## APIs

### Inbound

| endpoint | state | outcomes | declared by |
|---|---|---|---:|
| `DELETE /orders/{id}` | **never** | – | no test |
| `GET /orders/{id}` | covered | `200`, `404` | 2 tests |
| `POST /orders` | covered | `201`, `402` | 1 test |
| `POST /orders/{id}/refund` | covered | `503` | 1 test |
| `PUT /orders/{id}` | covered | `204` | no test |

### Outbound

| call | state | outcomes | declared by |
|---|---|---|---:|
| `bank GET /orders` | **never** | – | no test |
| `bank POST /charge` | **never** | – | no test |
| `payments GET /balance` | **never** | – | 1 test |
| `payments POST /charges` | covered | `201`, `402` | 1 test |
| `payments POST /refunds/{id}` | **only under faults** | fault `status-503` | no test |

## Events

### Consumed

| event | state | outcomes | declared by |
|---|---|---|---:|
| `order.shipped` | **never** | – | no test |

## Data

| table | state | outcomes | declared by |
|---|---|---|---:|
| `orders` | declared, not observed | – | 1 test |

## Workflows

| workflow | state | declared by |
|---|---|---:|
| `life cycle of an order` | covered | 1 test |
| `refund of a paid order` | **never** | no test |

## Gaps

- [ ] `DELETE /orders/{id}`: never used
- [ ] `call bank GET /orders`: never used
- [ ] `call bank POST /charge`: never used
- [ ] `call payments GET /balance`: never used
- [ ] `call payments POST /refunds/{id}`: used only under injected faults
- [ ] `consume order.shipped`: never used
- [ ] `workflow refund of a paid order`: never used

## Recommendations

1. Call `DELETE /orders/{id}` in a test: no test does.
1. Test `call bank GET /orders`: no test makes the code under test send it.
1. Test `call bank POST /charge`: no test makes the code under test send it.
1. Test `call payments GET /balance`: no test makes the code under test send it.
1. Test the failure of `PUT /orders/{id}`: no test has seen it fail.
1. Test `consume order.shipped`: no test of the run has seen this event.
1. Use `call payments POST /refunds/{id}` without an injected fault in a test that passes.
1. Run `workflow refund of a paid order` in a test that passes: no test does.

## Declarations without a use

- `declaration_without_a_use` declares `GET /orders/{id}`, and has passed without using it.
";

/// The warning about the test that does not use what it declares.
const UNUSED: &str =
    "declaration_without_a_use declares with `covers` that it uses `GET /orders/{id}`, and has passed without using it";

fn suite<'d>(dir: &'d TempDir, arguments: &[&str]) -> Suite<'d> {
    Suite::new(env!("CARGO_BIN_EXE_suite-coverage"), dir).env("CARGO_PKG_NAME", "itest-tests").args(arguments)
}

fn run(dir: &TempDir, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    Ok(code_and_output(&suite(dir, arguments).run()?))
}

fn code_and_output(finished: &Finished) -> (Option<i32>, String) {
    (finished.code(), finished.stdout() + &finished.stderr())
}

fn read(dir: &TempDir, file: &str) -> Result<String> {
    Ok(std::fs::read_to_string(dir.join(file))?)
}

/// The state of each point in a report in JSON.
fn states(report: &str) -> Result<BTreeMap<String, String>> {
    let report: Value = serde_json::from_str(report)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let points = report["points"].as_array().ok_or("the report has points")?;
    Ok(points.iter().map(|point| (text(&point["point"]), text(&point["state"]))).collect())
}

#[integration_test(tags("coverage"))]
fn report_shows_the_outcomes_and_the_gaps_of_each_point(dir: &TempDir) -> Result<()> {
    #[act]
    let (code, output) = run(dir, &["--integration-coverage", "reports/INTEGRATION-TEST.md"])?;

    #[assert]
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(read(dir, "reports/INTEGRATION-TEST.md")?, REPORT, "{output}");
    assert!(output.contains(&format!("warning: {UNUSED}")), "{output}");
    assert!(
        output.contains("7 of 14 integration points are covered; reports/INTEGRATION-TEST.md has them"),
        "{output}"
    );
    Ok(())
}

#[integration_test(tags("coverage"))]
fn merged_records_of_two_shards_give_the_report_of_one_run(dir: &TempDir) -> Result<()> {
    #[arrange]
    run(dir, &["--integration-coverage", "whole.json"])?;
    for shard in ["1/2", "2/2"] {
        let (record, report) = (format!("{}.itest", &shard[..1]), format!("{}.json", &shard[..1]));
        let arguments = ["--shard", shard, "--record", &record, "--integration-coverage", &report];
        assert_eq!(run(dir, &arguments)?.0, Some(0));
    }

    #[act]
    let (code, output) =
        run(dir, &["--report", "1.itest", "--report", "2.itest", "--integration-coverage", "merged.json"])?;

    #[assert("the report of both is that of the whole run, and the report of one shard is not")]
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(read(dir, "merged.json")?, read(dir, "whole.json")?);
    assert_ne!(read(dir, "1.json")?, read(dir, "whole.json")?);
    assert_eq!(output.matches(UNUSED).count(), 1, "{output}");
    Ok(())
}

#[integration_test(tags("coverage"))]
fn point_that_only_a_failed_test_uses_is_not_covered(dir: &TempDir) -> Result<()> {
    let arguments = ["--integration-coverage", "broken.json", "--seed", "1"];
    let (code, output) = code_and_output(&suite(dir, &arguments).env("BREAK", "1").run()?);
    assert_eq!(code, Some(101), "{output}");
    let states = states(&read(dir, "broken.json")?)?;
    assert_eq!(states["PUT /orders/{id}"], "only_in_failed_tests");
    assert_eq!(states["POST /orders"], "covered");
    Ok(())
}

#[integration_test(tags("coverage"))]
fn declaration_without_a_use_fails_the_run_if_the_setting_says_so(dir: &TempDir) -> Result<()> {
    let (code, output) = run(dir, &["--unused-covers", "fail"])?;
    assert_eq!(code, Some(101), "{output}");
    assert!(output.contains(&format!("error: {UNUSED}")) && output.contains("test result: FAILED"), "{output}");
    // Without a setting of the coverage, nothing is compared.
    let (code, output) = run(dir, &[])?;
    assert_eq!(code, Some(0), "{output}");
    assert!(!output.contains("covers"), "{output}");
    Ok(())
}

#[integration_test(tags("coverage"))]
fn coverage_below_the_minimum_fails_a_run_of_the_whole_suite(dir: &TempDir) -> Result<()> {
    let (code, output) = run(dir, &["--min-integration-coverage", "50"])?;
    assert_eq!(code, Some(0), "{output}");
    std::fs::write(dir.join("itest.toml"), "[profile.default]\nmin-integration-coverage = 51\n")?;
    let (code, output) = run(dir, &["--record", "below.itest"])?;
    assert_eq!(code, Some(101), "{output}");
    let message = "the integration coverage is 50 % (7 of 14 points), below the 51 % of --min-integration-coverage";
    assert!(output.contains(&format!("error: {message}")), "{output}");
    // The reason is part of the record.
    let (code, output) = run(dir, &["--report", "below.itest", "--min-integration-coverage", "0"])?;
    assert_eq!((code, output.matches(message).count()), (Some(101), 1), "{output}");

    let (code, output) = run(dir, &["orders_are_read"])?;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("not compared with its limits, because the run has no result of"), "{output}");
    Ok(())
}

#[integration_test(tags("coverage"))]
fn point_of_the_baseline_that_is_not_covered_any_more_fails_the_run(dir: &TempDir) -> Result<()> {
    #[arrange]
    run(dir, &["--integration-coverage", "baseline.json"])?;
    let (code, output) = run(dir, &["--integration-baseline", "baseline.json"])?;
    assert_eq!(code, Some(0), "{output}");
    // The baseline says that everything was covered once.
    let everything = read(dir, "baseline.json")?.replace("\"never\"", "\"covered\"");
    std::fs::write(dir.join("baseline.json"), everything)?;

    #[act("the report may replace the baseline")]
    let arguments = ["--integration-baseline", "baseline.json", "--integration-coverage", "baseline.json"];
    let (code, output) = run(dir, &arguments)?;

    #[assert]
    assert_eq!(code, Some(101), "{output}");
    for lost in ["DELETE /orders/{id}", "call payments GET /balance", "consume order.shipped"] {
        assert!(
            output.contains(&format!("error: `{lost}` is covered in the report of --integration-baseline")),
            "{output}"
        );
    }
    assert_eq!(states(&read(dir, "baseline.json")?)?["DELETE /orders/{id}"], "never");
    Ok(())
}

#[integration_test(tags("coverage"))]
fn report_that_differs_from_the_committed_one_fails_a_green_run_of_the_whole_suite(dir: &TempDir) -> Result<()> {
    #[arrange]
    std::fs::write(dir.join("itest.toml"), "[profile.default]\ncheck-integration-coverage = \"committed.md\"\n")?;
    std::fs::write(dir.join("committed.md"), REPORT)?;
    assert_eq!(run(dir, &[])?.0, Some(0));

    #[act]
    std::fs::write(dir.join("committed.md"), REPORT.replace("| `201`, `402` |", "| `201` |"))?;
    let (code, output) = run(dir, &[])?;
    let part = run(dir, &["orders_are_read"])?;
    let update = run(dir, &["--integration-coverage", "committed.md"])?;

    #[assert("a part of the suite is not compared, and the file can be written again")]
    assert_eq!(code, Some(101), "{output}");
    let difference = "differs from committed.md, line 15: there it is `| `POST /orders` | covered | `201` | 1 test |`";
    assert!(
        output.contains(difference) && output.contains("write the file with --integration-coverage committed.md"),
        "{output}"
    );
    assert_eq!(part.0, Some(0), "{}", part.1);
    assert!(part.1.contains("is not compared with committed.md"), "{}", part.1);
    assert_eq!(update.0, Some(0), "{}", update.1);
    assert_eq!(read(dir, "committed.md")?, REPORT);
    Ok(())
}

#[integration_test(tags("coverage"))]
#[case::exact("POST /orders", &["order_is_charged::declined", "order_is_charged::paid"])]
#[case::prefix("POST ", &["order_is_charged::declined", "order_is_charged::paid", "refund_with_a_fault_of_the_provider"])]
#[case::request("GET /orders/4711", &["declaration_without_a_use", "orders_are_read"])]
#[case::service("call payments", &["balance_is_read", "order_is_charged::declined", "order_is_charged::paid"])]
fn tests_are_selected_by_the_points_that_they_declare(
    #[case] point: &str,
    #[case] expected: &[&str],
    dir: &TempDir,
) -> Result<()> {
    let finished = suite(dir, &["--list", "--format", "terse", "--covers", point]).run()?;
    let listed = finished.stdout();
    let names: Vec<_> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    assert_eq!(names, expected, "{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("coverage"))]
fn mistakes_in_settings_are_explained(dir: &TempDir) -> Result<()> {
    for (arguments, code, message) in [
        (&["--covers", "POST /oders"][..], 4, "did you mean `POST /orders`?"),
        (&["--integration-coverage", "report.txt"], 2, "expected a file whose name ends in .md or .json"),
        (&["--min-integration-coverage", "101"], 2, "expected a whole number from 0 to 100"),
        (&["--integration-baseline", "missing.json"], 2, "missing.json: cannot be read"),
        (&["--unused-covers", "fial"], 2, "did you mean `fail`?"),
    ] {
        let (actual, output) = run(dir, arguments)?;
        assert_eq!(actual, Some(code), "{arguments:?}: {output}");
        assert!(output.contains(message), "{arguments:?}: {output}");
    }
    std::fs::write(dir.join("other.json"), "{}")?;
    let (code, output) = run(dir, &["--integration-baseline", "other.json"])?;
    assert_eq!(code, Some(2), "{output}");
    assert!(output.contains("is no report of --integration-coverage in JSON"), "{output}");
    Ok(())
}
