//! The JSON Schema Test Suite, through the same path as the schemas of a suite.
//!
//! The variable `ITEST_JSON_SCHEMA_SUITE` names its folder, which has the folders `tests` and `remotes`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use itest::Contract;
use itest::prelude::*;
use serde_json::{Value, json};

/// Where the schemas of the suite refer to.
const REMOTES: &str = "http://localhost:1234/";

/// The part of the cases that must be judged as the suite states.
const MIN_RIGHT: f64 = 0.99;

/// The folder of the suite, or none.
fn suite() -> PathBuf {
    match std::env::var_os("ITEST_JSON_SCHEMA_SUITE") {
        Some(folder) if Path::new(&folder).join("tests").is_dir() => folder.into(),
        _ => itest::skip!("ITEST_JSON_SCHEMA_SUITE names no folder with the JSON Schema Test Suite"),
    }
}

/// The result of the cases of a dialect.
#[derive(Debug, Default)]
struct Count {
    right: usize,
    wrong: Vec<String>,
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} cases are right", self.right, self.right + self.wrong.len())?;
        self.wrong.iter().try_for_each(|wrong| write!(formatter, "\n  {wrong}"))
    }
}

/// The cases of a dialect.
struct Dialect<'s> {
    suite: &'s Path,
    folder: &'s str,
    uri: &'s str,
    /// Where the schemas are written, because a contract is a file.
    schemas: &'s Path,
}

impl Dialect<'_> {
    fn judge(&self) -> Count {
        let mut count = Count::default();
        let tests = self.suite.join("tests").join(self.folder);
        let formats = tests.join("optional").join("format");
        for (folder, formats) in
            [(tests.clone(), Formats::Ignored), (tests.join("optional"), Formats::Ignored), (formats, Formats::Judged)]
        {
            let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            for file in files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
                let shown = file.strip_prefix(&tests).unwrap().display().to_string();
                let groups: Vec<Value> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
                for (number, group) in groups.iter().enumerate() {
                    let contract = self.contract(&shown, number, &group["schema"], formats);
                    self.judge_group(&shown, group, &contract, &mut count);
                }
            }
        }
        count
    }

    /// The schema as a file. A schema without a dialect gets that of its folder.
    fn contract(&self, file: &str, number: usize, schema: &Value, formats: Formats) -> Contract {
        let mut schema = schema.clone();
        if let Some(members) = schema.as_object_mut() {
            members.entry("$schema").or_insert_with(|| self.uri.into());
        }
        let name = format!("{}-{}-{number}.json", self.folder, file.replace('/', "-"));
        fs::write(self.schemas.join(&name), schema.to_string()).unwrap();
        let remotes = self.suite.join("remotes").to_string_lossy().into_owned();
        let contract =
            Contract::in_package("/", self.schemas.join(name).to_string_lossy()).url_folder(REMOTES, remotes);
        match formats {
            Formats::Judged => contract,
            Formats::Ignored => contract.ignore_formats(),
        }
    }

    fn judge_group(&self, file: &str, group: &Value, contract: &Contract, count: &mut Count) {
        for case in group["tests"].as_array().unwrap() {
            let judged = contract.check_message(case["data"].to_string());
            if judged.is_ok() == (case["valid"] == json!(true)) {
                count.right += 1;
            } else {
                let reason = judged.err().map_or_else(|| "it is valid".to_owned(), |error| error.to_string());
                let (group, case) = (&group["description"], &case["description"]);
                count.wrong.push(format!("{}/{file}: {group}: {case}: {}", self.folder, reason.replace('\n', " ")));
            }
        }
    }
}

/// Whether formats are judged. The suite has their cases apart from the others, in which formats are annotations.
#[derive(Debug, Clone, Copy)]
enum Formats {
    Judged,
    Ignored,
}

#[integration_test(timeout = "10 min")]
fn json_schema_test_suite_is_judged_as_it_states(
    dir: &TempDir,
    #[values("draft2020-12", "draft7", "draft4")] folder: &str,
) {
    let suite = suite();
    let uri = match folder {
        "draft4" => "http://json-schema.org/draft-04/schema#",
        "draft7" => "http://json-schema.org/draft-07/schema#",
        _ => "https://json-schema.org/draft/2020-12/schema",
    };
    let count = Dialect { suite: &suite, folder, uri, schemas: dir.path() }.judge();
    #[expect(clippy::cast_precision_loss, reason = "a suite has a few thousand cases")]
    let right = count.right as f64 / (count.right + count.wrong.len()) as f64;
    assert!(count.right > 500 && right >= MIN_RIGHT, "{count}");
}
