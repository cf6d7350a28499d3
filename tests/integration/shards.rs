//! A suite split between machines, and the longest tests first.

use std::collections::BTreeSet;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Finished, Suite};

const SELECTION: &str = env!("CARGO_BIN_EXE_suite-selection");

fn order(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir).env("JOURNAL", dir.join("journal").display().to_string())
}

/// The tests that a shard reported, ignored tests included.
fn reported(events: &Events) -> Vec<String> {
    let ignored = events.named("case_ignored").into_iter().filter_map(|event| event["id"].as_str().map(str::to_owned));
    events.order().into_iter().chain(ignored).collect()
}

#[integration_test(tags("shards"))]
#[case::everything(&[])]
#[case::filter(&["cards", "matrix"])]
#[case::skip(&["--skip", "orders"])]
#[case::tag(&["--tag", "payments"])]
#[case::ignored(&["--include-ignored"])]
fn shards_are_disjoint_and_complete(#[case] selection: &[&str], dir: &TempDir) -> Result<()> {
    #[arrange]
    let whole = Suite::new(SELECTION, dir).events(selection)?;
    let number = |events: &Events, name: &str| events.summary()[name].as_u64().unwrap_or_default();

    #[act]
    let mut parts = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        parts.push(Suite::new(SELECTION, dir).events(&[&["--shard", part], selection].concat())?);
    }

    #[assert("each test is in exactly one shard")]
    let all: Vec<_> = parts.iter().flat_map(reported).collect();
    let unique: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!((unique.len(), all.len()), (reported(&whole).len(), reported(&whole).len()));
    assert_eq!(unique, reported(&whole).into_iter().collect());
    for part in &parts {
        assert_eq!(part.finished.code(), Some(0));
        let shard = &part.named("run_started")[0]["shard"];
        let (own, others) = (reported(part).len() as u64, shard["left_to_others"].as_u64());
        assert_eq!(others.map(|others| others + own), Some(all.len() as u64), "{shard}");
    }
    let filtered: u64 = parts.iter().map(|part| number(part, "filtered_out")).sum();
    assert_eq!(filtered, number(&whole, "filtered_out"));
    Ok(())
}

#[integration_test(tags("shards"))]
fn first_lines_name_the_shard_and_its_source(dir: &TempDir) -> Result<()> {
    let finished = Suite::new(SELECTION, dir).env("CI_NODE_INDEX", "2").env("CI_NODE_TOTAL", "3").run()?;
    let text = finished.stdout();
    assert_eq!(finished.code(), Some(0), "{text}");
    let line = text.lines().nth(3).unwrap_or_default();
    let (head, tail) = line.rsplit_once(": ").ok_or("no such line")?;
    assert_eq!(head, "shard 2 of 3 by names, as CI_NODE_INDEX=2, CI_NODE_TOTAL=3 says", "{text}");
    assert!(tail.ends_with("left to the others"), "{text}");
    Ok(())
}

#[integration_test(tags("shards"))]
fn list_is_split_like_a_run(dir: &TempDir) -> Result<()> {
    let list = |arguments: &[&str]| -> Result<Vec<String>> {
        let arguments = [&["--list", "--format", "terse"], arguments].concat();
        let text = Suite::new(SELECTION, dir).args(&arguments).run()?.stdout();
        Ok(text.lines().map(str::to_owned).collect())
    };
    let mut parts = [list(&["--shard", "1/2"])?, list(&["--shard", "2/2"])?].concat();
    parts.sort();
    assert_eq!(parts, list(&[])?);
    assert_eq!(parts.len(), 11);
    Ok(())
}

#[integration_test(tags("shards"))]
fn empty_shard_passes_with_a_message(dir: &TempDir) -> Result<()> {
    let mut empty = 0;
    for part in 1..=4 {
        let shard = format!("{part}/4");
        let finished = Suite::new(SELECTION, dir).args(&["--exact", "orders::pay", "--shard", &shard]).run()?;
        assert_eq!(finished.code(), Some(0), "{}", finished.stderr());
        if finished.stdout().contains("no test is assigned to it, which is not a failure; 1 test is left to the others")
        {
            empty += 1;
        }
    }
    assert_eq!(empty, 3);
    let misspelt = Suite::new(SELECTION, dir).args(&["nonsense", "--shard", "1/4"]).run()?;
    assert_eq!(misspelt.code(), Some(4), "a filter that matches nothing at all is a mistake in every part");
    Ok(())
}

#[integration_test(tags("shards"))]
#[case::too_large(&["--shard", "5/4"], "--shard 5/4: there is no part 5 of 4; parts are counted from 1 to 4")]
#[case::zero(&["--shard", "0/3"], "--shard 0/3: there is no part 0 of 3")]
#[case::nonsense(&["--shard", "half"], "--shard half: expected a part and the number of parts, such as 2/5")]
#[case::no_index(&["--shard", "auto/3"], "--shard auto/3: nothing says which part this is")]
#[case::no_durations(&["--shard", "1/2", "--shard-by", "durations"], "--shard-by durations: needs --durations RECORD")]
#[case::replay(&["--shard", "1/2", "--lane", "moon"], "--shard 1/2: has no effect with --lane: the lanes name the tests")]
fn invalid_shard_is_refused(#[case] arguments: &[&str], #[case] message: &str, dir: &TempDir) -> Result<()> {
    let finished = Suite::new(SELECTION, dir).args(arguments).run()?;
    assert_eq!((finished.code(), finished.stdout().as_str()), (Some(2), ""));
    assert!(finished.stderr().contains(message), "{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("shards"))]
fn shard_index_without_total_is_refused(dir: &TempDir) -> Result<()> {
    let finished = Suite::new(SELECTION, dir).env("CIRCLE_NODE_INDEX", "1").run()?;
    assert_eq!(finished.code(), Some(2));
    assert!(finished.stderr().contains("needs CIRCLE_NODE_TOTAL, which is not set"), "{}", finished.stderr());
    Ok(())
}

/// Bazel fails a sharded target if the test process does not touch this file.
#[integration_test(tags("shards"))]
fn bazel_status_file_is_touched(dir: &TempDir) -> Result<()> {
    let file = dir.join("status");
    let suite = Suite::new(SELECTION, dir)
        .env("TEST_TOTAL_SHARDS", "2")
        .env("TEST_SHARD_INDEX", "1")
        .env("TEST_SHARD_STATUS_FILE", file.display().to_string());
    let events = suite.events(&[])?;
    assert_eq!(events.named("run_started")[0]["shard"]["index"], 2);
    assert!(file.exists());
    Ok(())
}

/// Records a run in which one test is much longer than all others.
fn recorded(dir: &TempDir) -> Result<(String, Events)> {
    let record = dir.join("past.itest").display().to_string();
    let past = order(dir).events(&["plain", "meets", "is_slow", "--jobs", "2", "--record", &record])?;
    assert_eq!(past.order().len(), 19);
    Ok((record, past))
}

#[integration_test(tags("shards"))]
fn sharding_by_durations_isolates_a_long_test(dir: &TempDir) -> Result<()> {
    #[arrange]
    let (record, _) = recorded(dir)?;
    let split = ["is_slow", "meets", "plain", "--shard-by", "durations", "--durations", &record];

    #[act]
    let mut parts = Vec::new();
    for part in ["1/2", "2/2"] {
        parts.push(order(dir).events(&[&split[..], &["--shard", part]].concat())?);
    }

    #[assert]
    assert_eq!(parts[0].order(), ["is_slow"], "it takes longer than all others together");
    assert_eq!(parts[1].order().len(), 18);
    Ok(())
}

#[integration_test(tags("shards"))]
fn longest_first_orders_tests_by_past_durations(
    dir: &TempDir,
    #[values("of a file", "of the last runs")] past: &str,
) -> Result<()> {
    #[arrange]
    let (record, known) = recorded(dir)?;
    let (named, known): (&[&str], Vec<Events>) = if past == "of a file" {
        (&["--durations", &record], vec![known])
    } else {
        (&[], vec![order(dir).events(&["is_slow"])?, order(dir).events(&["plain", "meets"])?])
    };
    let took = |name: &str| -> Option<u64> {
        let ends = known.iter().flat_map(|past| past.named("case_finished"));
        ends.filter(|event| event["id"] == name).find_map(|event| event["elapsed_us"].as_u64())
    };

    #[act]
    let arguments = ["--order", "longest-first", "--jobs", "1", "plain", "meets", "is_slow", "draws"];
    let events = order(dir).events(&[&arguments, named].concat())?;

    #[assert("unknown ones first, then by length")]
    let ran = events.order();
    assert!(ran[..3].iter().all(|name| name.starts_with("draws")), "{ran:?}");
    assert_eq!(ran[3], "is_slow", "{ran:?}");
    let lengths: Vec<_> = ran[3..].iter().map(|name| took(name)).collect();
    assert!(lengths.len() == 19 && lengths.is_sorted_by(|longer, shorter| longer >= shorter), "{lengths:?}");
    Ok(())
}

#[integration_test(tags("shards"))]
fn records_of_all_shards_make_one_report(dir: &TempDir) -> Result<()> {
    #[arrange]
    let record = |name: &str| dir.join(name).display().to_string();
    for part in ["1/2", "2/2", "1/3"] {
        let file = record(&part.replace('/', "-of-"));
        Suite::new(SELECTION, dir).events(&["--shard", part, "--record", &file])?;
    }
    let report = |parts: &[&str]| -> Result<Finished> {
        let files: Vec<_> = parts.iter().flat_map(|part| ["--report".to_owned(), record(part)]).collect();
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        Ok(Suite::new(SELECTION, dir).args(&files).run()?)
    };

    #[act]
    let (whole, half, mixed) = (report(&["1-of-2", "2-of-2"])?, report(&["2-of-2"])?, report(&["1-of-2", "1-of-3"])?);
    let twice = report(&["1-of-2", "1-of-2"])?;

    #[assert]
    let everything = result_of(&Suite::new(SELECTION, dir).run()?.stdout());
    assert_eq!(result_of(&whole.stdout()), everything, "{}", whole.stderr());
    assert_eq!(whole.stderr(), "");
    assert!(half.stdout().contains("these parts of the suite are missing: 1/2"), "{}", half.stdout());
    assert_eq!(mixed.code(), Some(2));
    assert!(mixed.stderr().contains("parts 1/2 and 1/3 were not split in the same way"), "{}", mixed.stderr());
    assert!(twice.stderr().contains("part 1/2 is there twice"), "{}", twice.stderr());
    Ok(())
}

/// The durations of this run's shards decide how the next run is split.
#[integration_test(tags("shards"))]
fn merged_record_of_all_shards_provides_the_durations(dir: &TempDir) -> Result<()> {
    #[arrange]
    let file = |name: &str| dir.join(name).display().to_string();
    let (first, second, merged) = (file("part-1.itest"), file("part-2.itest"), file("past.itest"));
    let selection = ["plain", "meets", "is_slow"];
    for (part, record) in [("1/2", &first), ("2/2", &second)] {
        order(dir).events(&[&selection[..], &["--shard", part, "--record", record]].concat())?;
    }

    #[act]
    let reports = ["--report", &first, "--report", &second, "--record", &merged];
    assert_eq!(order(dir).args(&reports).run()?.code(), Some(0));
    let split = ["--shard-by", "durations", "--durations", &merged];
    let one = order(dir).events(&[&selection[..], &split, &["--shard", "1/2"]].concat())?;
    let other = order(dir).events(&[&selection[..], &split, &["--shard", "2/2"]].concat())?;

    #[assert]
    assert_eq!(one.order(), ["is_slow"]);
    assert_eq!(other.order().len(), 18);
    let of_another_suite = Suite::new(SELECTION, dir).args(&split).args(&["--shard", "1/2"]).run()?;
    assert_eq!(of_another_suite.code(), Some(2));
    assert!(of_another_suite.stderr().contains("and this suite is itest-tests-suite"), "{}", of_another_suite.stderr());
    Ok(())
}

/// The counts of the last line.
fn result_of(text: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("test result")).unwrap_or_default();
    line.split("; finished").next().unwrap_or_default().to_owned()
}

#[integration_test(tags("shards"))]
fn failed_shard_prints_its_repeat_command(dir: &TempDir) -> Result<()> {
    let finished = order(dir).args(&["fails"]).env("CI_NODE_INDEX", "1").env("CI_NODE_TOTAL", "2").run()?;
    let text = finished.stdout();
    assert!(text.contains("fails --shard 1/2 --seed "), "{text}");
    Ok(())
}
