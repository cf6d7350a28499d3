//! Public OpenAPI descriptions: each is read, all its schemas are compiled, and its own examples are judged.
//!
//! The variable `ITEST_OPENAPI_DESCRIPTIONS` names the folder into which `fetch-descriptions` has written them.

use std::path::{Path, PathBuf};

use itest::Contract;
use itest::prelude::*;

/// The folder of the descriptions.
fn folder() -> PathBuf {
    match std::env::var_os("ITEST_OPENAPI_DESCRIPTIONS") {
        Some(folder) if Path::new(&folder).is_dir() => folder.into(),
        _ => itest::skip!("ITEST_OPENAPI_DESCRIPTIONS names no folder that fetch-descriptions has filled"),
    }
}

/// How many mistakes of a description are shown.
const MAX_SHOWN: usize = 12;

/// A line of `descriptions.txt`: the package, the path, and after `#` the reason why examples are wrong.
#[integration_test(timeout = "30 min")]
fn public_descriptions_are_read_and_each_wrong_example_has_a_reason() {
    let folder = folder();
    let mut unexpected = Vec::new();
    for line in include_str!("descriptions.txt").lines() {
        let (line, reason) = line.split_once(" # ").map_or((line, None), |(line, reason)| (line, Some(reason)));
        let (_, path) = line.split_once(' ').unwrap();
        let contract = Contract::in_package("/", folder.join(path.replace('/', "_")).to_string_lossy());
        let mistakes: Vec<_> = [contract.check().err(), contract.check_examples().err()]
            .into_iter()
            .flatten()
            .flat_map(|error| error.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        if mistakes.is_empty() == reason.is_some() || mistakes.iter().any(|mistake| mistake.contains("cannot be read"))
        {
            let shown = mistakes.iter().take(MAX_SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n    ");
            unexpected.push(format!(
                "{path}: {} mistakes, {}\n    {shown}",
                mistakes.len(),
                reason.unwrap_or("none expected")
            ));
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}
