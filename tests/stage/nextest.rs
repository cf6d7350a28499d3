//! Runs a suite under the real cargo-nextest.

use std::fs;
use std::io;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::Suite;

impl Suite<'_> {
    /// The command that runs this suite's binary under cargo-nextest, without cargo building anything; `arguments` begin with
    /// nextest's own command. The test is skipped if cargo-nextest is not installed.
    ///
    /// # Errors
    ///
    /// When cargo does not describe the workspace, or the suite's temp dir cannot be made.
    pub fn nextest(&self, arguments: &[&str]) -> io::Result<Command> {
        if Command::new("cargo-nextest").args(["nextest", "--version"]).stdout(Stdio::null()).status().is_err() {
            itest::unavailable!("cargo-nextest", "cargo install --locked cargo-nextest");
        }
        let metadata = metadata()?;
        fs::write(self.dir.join("cargo.json"), &metadata)?;
        fs::write(self.dir.join("binaries.json"), self.binaries(&serde_json::from_slice(&metadata)?)?.to_string())?;

        let mut command = Command::new("cargo-nextest");
        crate::with_default_signals(&mut command);
        for (name, value) in self.command()?.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .args(["nextest", arguments[0]])
            .arg("--cargo-metadata")
            .arg(self.dir.join("cargo.json"))
            .arg("--binaries-metadata")
            .arg(self.dir.join("binaries.json"))
            .args(&arguments[1..])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .stdin(Stdio::null());
        Ok(command)
    }

    /// The description of the binary in the format of nextest.
    fn binaries(&self, metadata: &Value) -> io::Result<Value> {
        let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
        let package = packages.iter().find(|package| package["name"] == "itest-tests");
        let package = package.ok_or_else(|| io::Error::other("cargo knows no package of these tests"))?;
        let host = json!({"platform": host()?, "libdir": {"status": "unavailable", "reason": "not needed"}});
        Ok(json!({
            "rust-build-meta": {
                "target-directory": metadata["target_directory"],
                "base-output-directories": ["debug"],
                "non-test-binaries": {},
                "build-script-out-dirs": {},
                "linked-paths": [],
                "platforms": {"host": host, "targets": []},
                "target-platforms": [],
                "target-platform": null,
            },
            "rust-binaries": {"suite": {
                "binary-id": "suite",
                "binary-name": "suite",
                "package-id": package["id"],
                "kind": "test",
                "binary-path": self.program,
                "build-platform": "target",
            }},
        }))
    }
}

/// The workspace, as cargo describes it.
fn metadata() -> io::Result<Vec<u8>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let metadata = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", manifest])
        .output()?;
    Ok(metadata.stdout)
}

/// The target triple, in the format of nextest.
fn host() -> io::Result<Value> {
    let version = Command::new("rustc").arg("-vV").output()?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let triple = version.lines().find_map(|line| line.strip_prefix("host: "));
    let triple = triple.ok_or_else(|| io::Error::other("rustc names no host"))?;
    Ok(json!({"triple": triple, "target-features": "unknown"}))
}
