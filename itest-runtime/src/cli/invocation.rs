//! Determines whether the user started this suite alone, or a `cargo test` that runs several suites with the same selection.

use super::environment::Environment;
use super::selection::NothingMatched;
use crate::model::{NoTests, RunConfig};
use crate::process::command_line_of_ancestor;

/// The command that the user started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Invocation {
    /// A command that runs this suite alone.
    ThisSuite,
    /// A `cargo test` that runs several suites. Cargo passes the same arguments to each of them, and stops after the first one that fails.
    SeveralSuites,
}

/// The consequence of a selection that matches no test of this suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consequence {
    /// The run is refused.
    Error,
    /// The run has no tests, and a notice says so.
    Notice,
    /// The run has no tests, and nothing is printed.
    Silence,
}

/// The consequence of a selection without a match, which depends on `--no-tests`.
pub(super) fn consequence(nothing: &NothingMatched, config: &RunConfig, environment: &Environment) -> Consequence {
    match config.no_tests {
        NoTests::Fail => Consequence::Error,
        NoTests::Pass => Consequence::Silence,
        // A suite without any test is a mistake, even if other suites run.
        NoTests::Auto if *nothing == NothingMatched::EmptySuite && config.selection.is_everything() => {
            Consequence::Error
        }
        NoTests::Auto => match invocation(environment) {
            Invocation::ThisSuite => Consequence::Error,
            Invocation::SeveralSuites => Consequence::Notice,
        },
    }
}

fn invocation(environment: &Environment) -> Invocation {
    // cargo-nextest selects the tests itself and starts this suite for one of them.
    let is_nextest = environment.nextest_run().is_some();
    // Cargo sets this variable for every test binary that it runs. Without it the search for cargo's process is not needed.
    let is_under_cargo = environment.find("CARGO").is_some();
    if is_nextest || !is_under_cargo {
        return Invocation::ThisSuite;
    }
    match command_line_of_ancestor("cargo") {
        Some(words) if !names_one_suite(&words) => Invocation::SeveralSuites,
        _ => Invocation::ThisSuite,
    }
}

/// Flags of `cargo test` that choose other targets or packages than the one that `--package` and `--test` name.
const OTHER_TARGETS: [&str; 12] = [
    "--workspace",
    "--all",
    "--lib",
    "--bin",
    "--bins",
    "--example",
    "--examples",
    "--tests",
    "--bench",
    "--benches",
    "--all-targets",
    "--doc",
];

/// Short flags of cargo without a value, which may be combined with others in one word.
const SHORT_SWITCHES: &str = "vqrhn";

/// Whether cargo's command line names exactly one package and exactly one test target, in any form that cargo accepts.
fn names_one_suite(words: &[String]) -> bool {
    let mut packages: Vec<&str> = Vec::new();
    let mut tests: Vec<&str> = Vec::new();
    let own = words.iter().map(String::as_str).take_while(|word| *word != "--");
    let mut words = own.peekable();
    while let Some(word) = words.next() {
        let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
        let (names, value) = match flag {
            "--package" => (&mut packages, value),
            "--test" => (&mut tests, value),
            flag if OTHER_TARGETS.contains(&flag) => return false,
            _ => match short_package(word) {
                Some(value) => (&mut packages, Some(value).filter(|value| !value.is_empty())),
                None => continue,
            },
        };
        // Without a value cargo lists the available names, and runs no tests.
        names.extend(value.or_else(|| words.next_if(|next| !next.starts_with('-'))));
    }
    let is_one = |names: &mut Vec<&str>| {
        names.dedup();
        matches!(names.as_slice(), [name] if !name.contains(['*', '?', '[']))
    };
    is_one(&mut packages) && is_one(&mut tests)
}

/// The value of `-p` in a word such as `-p`, `-pshop`, `-p=shop` or `-vp`.
fn short_package(word: &str) -> Option<&str> {
    let flags = word.strip_prefix('-').filter(|flags| !flags.starts_with('-'))?;
    let (before, value) = flags.split_once('p')?;
    before.chars().all(|flag| SHORT_SWITCHES.contains(flag)).then(|| value.strip_prefix('=').unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_one(line: &str) -> bool {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        names_one_suite(&words)
    }

    #[test]
    fn one_package_with_one_test_target_is_one_suite() {
        for line in [
            "cargo test -p shop --test integration",
            "/usr/bin/cargo test --package shop --test integration payment",
            "cargo test --package=shop --test=integration -- payment --exact",
            "cargo t -pshop --test integration",
            "cargo test -p=shop --test integration",
            "cargo test -qp shop --test integration",
            "cargo test --release --features a,b -p shop --test integration --no-fail-fast",
            "cargo test payment -p shop --test integration -- --test-threads 2",
            "cargo test -p shop -p shop --test integration",
            "cargo test -p shop@1.0.0 --test integration -- --lib",
        ] {
            assert!(names_one(line), "{line}");
        }
    }

    #[test]
    fn other_cargo_commands_may_run_several_suites() {
        for line in [
            "cargo test",
            "cargo test payment",
            "cargo test -p shop",
            "cargo test -p shop payment",
            "cargo test --test integration",
            "cargo test -p shop -p bank --test integration",
            "cargo test -p shop --test integration --test other",
            "cargo test -p shop --test 'int*'",
            "cargo test -p sh?p --test integration",
            "cargo test --workspace --test integration",
            "cargo test --all -p shop --test integration",
            "cargo test -p shop --test integration --lib",
            "cargo test -p shop --test integration --bin=server",
            "cargo test -p shop --test",
            "cargo test --package --test integration",
            "cargo test -- -p shop --test integration",
            "cargo test --profile shop --test integration",
        ] {
            assert!(!names_one(line), "{line}");
        }
    }

    #[test]
    fn suite_outside_of_cargo_test_runs_alone() {
        assert_eq!(invocation(&Environment::default()), Invocation::ThisSuite);
        let nextest = [
            ("CARGO", "/bin/cargo"),
            ("NEXTEST", "1"),
            ("NEXTEST_RUN_ID", "r"),
            ("NEXTEST_EXECUTION_MODE", "process-per-test"),
        ];
        assert_eq!(invocation(&Environment::of(&nextest)), Invocation::ThisSuite);
    }
}
