//! Writes the 10,000 tests of the suite. Each declares one of 200 endpoints, and every second one a call and an event.

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut tests = String::new();
    for number in 0..10_000 {
        let endpoint = number % 200;
        let more = if number % 2 == 0 { format!(", \"call payments POST /charge/{endpoint}\", \"publish event{endpoint}.done\"") } else { String::new() };
        writeln!(
            tests,
            "#[integration_test(covers(\"POST /resource{endpoint}/{{id}}/step\"{more}))]\nfn test_{number}() {{}}"
        )
        .map_err(io::Error::other)?;
    }
    let folder = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    fs::write(folder.join("tests.rs"), tests)
}
