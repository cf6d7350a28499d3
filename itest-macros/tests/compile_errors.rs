//! What the compiler says about mistakes, and what it must not complain about.

use std::path::Path;
use std::{fs, io};

/// Where more than one message is right: several mistakes, or one that the compiler tells in its own words, too.
const SEVERAL: [(&str, usize); 19] = [
    ("cases_on_fixture", 2),
    ("covers_no_point", 7),
    ("crate_wrong", 2),
    ("invariant_and_test", 2),
    ("invariant_with_cases", 3),
    ("invariant_with_unknown_arguments", 3),
    ("misspelt_phase", 2),
    ("misspelt_phases_only", 2),
    ("over_two_mistakes", 3),
    ("phase_in_async_block", 2),
    ("phase_in_loop", 2),
    ("phase_on_nothing", 2),
    ("points_mistaken", 3),
    ("syntax_error_in_phase", 2),
    ("two_mistakes", 5),
    ("two_mistakes_in_fixture", 2),
    ("two_mistakes_in_invariant", 2),
    ("two_mistakes_in_teardown", 2),
    ("values_on_function", 2),
];

#[test]
fn mistakes() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn programs() {
    trybuild::TestCases::new().pass("tests/pass/*.rs");
}

#[test]
fn a_mistake_is_told_once() -> io::Result<()> {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "stderr") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let messages = fs::read_to_string(&path)?;
        let told = messages.lines().filter(|line| line.starts_with("error") || line.starts_with("warning")).count();
        let expected = SEVERAL.iter().find(|(several, _)| *several == name).map_or(1, |(_, number)| *number);
        assert_eq!(told, expected, "{name}:\n{messages}");
        assert!(!messages.contains("--> /"), "a path of one machine in {name}:\n{messages}");
    }
    Ok(())
}
