//! Judges the suite: each defect on purpose must turn its test red, in the phases that the answer key names, and in no other one.
//!
//! The judge runs the binary of this suite once more, with only the tests of the key, each with its own defect.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use courier::Defect;
use itest::TempDir;
use itest::prelude::*;
use serde_json::Value;

use crate::defects::{EACH, Effect, VARIABLE, read_key};

/// Settings that a run inherits: where services come from, and whether they are required.
const INHERITED: [&str; 3] = ["_URL", "_ALLOW", "ITEST_REQUIRE"];

/// The command that runs the tests of the key with their defects.
fn command(key: &BTreeMap<Defect, Effect>, dir: &TempDir) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars() {
        let is_of_this_run = ["ITEST_", "NEXTEST", "RUST_TEST_"].iter().any(|prefix| name.starts_with(prefix));
        if is_of_this_run && !INHERITED.iter().any(|ending| name.ends_with(ending)) {
            command.env_remove(name);
        }
    }
    command
        .args(["--format", "json", "--records", "0", "--shard", "none", "--annotations", "none", "--exact"])
        .args(key.values().map(|effect| &effect.test))
        .env(VARIABLE, EACH)
        .env("TMPDIR", dir.path())
        .env("ITEST_SESSION_DIR", dir.join("sessions"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    Ok(command)
}

/// The tests that have ended, by their names.
fn ended(output: &[u8]) -> Result<BTreeMap<String, Value>> {
    let mut cases = BTreeMap::new();
    for line in String::from_utf8_lossy(output).lines() {
        let event: Value = serde_json::from_str(line)?;
        if event["event"] == "case_finished" {
            cases.insert(event["id"].as_str().unwrap_or_default().to_owned(), event);
        }
    }
    Ok(cases)
}

/// What is wrong with the result of a test that has a defect. `None` if the result is as the key says.
fn judge(defect: Defect, effect: &Effect, case: Option<&Value>) -> Option<String> {
    let Effect { test, phases, message } = effect;
    let Some(case) = case else { return Some(format!("{defect:?}: {test} did not run")) };
    let failures = case["failures"].as_array().map(Vec::as_slice).unwrap_or_default();
    let red: BTreeSet<_> = failures.iter().filter_map(|failure| failure["phase"].as_str()).collect();
    let texts: Vec<_> = failures.iter().filter_map(|failure| failure["message"].as_str()).collect();
    let is_as_expected = red.iter().eq(phases.iter()) && texts.iter().any(|text| text.contains(message.as_str()));
    let outcome = &case["outcome"];
    let described = || format!("{defect:?}: {test} is {outcome}, and failed in {red:?} with:\n{}", texts.join("\n"));
    (!is_as_expected).then(described)
}

#[integration_test(timeout = "3m", tags("judge"))]
fn each_defect_turns_its_test_red_in_its_phase(dir: &TempDir) -> Result<()> {
    #[arrange]
    let key = read_key()?;

    #[act]
    let output = command(&key, dir)?.output()?;
    let cases = ended(&output.stdout)?;
    if let Some(skipped) = cases.values().find(|case| case["outcome"] == "skipped") {
        skip!("a service is missing: {}", skipped["reason"]);
    }

    #[assert]
    let wrong: Vec<_> =
        key.iter().filter_map(|(defect, effect)| judge(*defect, effect, cases.get(&effect.test))).collect();
    assert!(wrong.is_empty(), "{} of {} defects:\n{}", wrong.len(), key.len(), wrong.join("\n\n"));
    Ok(())
}

#[integration_test(tags("judge"))]
fn key_has_every_defect_and_a_test_for_each(info: &TestInfo) -> Result<()> {
    #[act]
    let key = read_key()?;
    // The error names all defects.
    let unknown = Defect::parse("unknown").err().map(|error| error.to_string()).unwrap_or_default();
    let names: BTreeSet<_> = unknown.split('`').skip(3).step_by(2).collect();

    #[assert]
    assert_eq!(key.len(), names.len(), "{names:?}");
    assert!(key.len() >= 20, "{} has only {} defects", info.id(), key.len());
    let tests: BTreeSet<_> = key.values().map(|effect| &effect.test).collect();
    assert_eq!(tests.len(), key.len(), "a test of the key reveals one defect");
    Ok(())
}
