//! Dependencies: their licences and where they come from.

use std::process::Command;

use serde_json::Value;
use spdx::Expression;

use super::root;

/// The licences that dependencies may have. A dependency with several licences needs one of these.
const LICENCES: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
    "BSL-1.0",
];

/// The packages of the workspace and all that they depend on, with all features.
fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--all-features", "--locked"]).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() > 100, "{} packages", packages.len());
    packages
}

#[test]
fn dependencies_have_permissive_licences_and_come_from_the_registry() {
    for package in packages() {
        let name = format!("{} {}", package["name"], package["version"]);
        if let Some(source) = package["source"].as_str() {
            assert!(source.starts_with("registry+"), "{name} comes from {source}");
        }
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} names no licence"));
        let expression = Expression::parse_mode(licence, spdx::ParseMode::LAX).unwrap();
        let is_allowed =
            expression.evaluate(|required| required.license.id().is_some_and(|id| LICENCES.contains(&id.name)));
        assert!(is_allowed, "{name} has the licence {licence}");
    }
}
