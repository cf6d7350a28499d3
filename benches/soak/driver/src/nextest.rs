//! Runs the suite under the real cargo-nextest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use figures::{Context, Failure};
use serde_json::{Value, json};

/// Files that describe the suite to cargo-nextest, so that it builds nothing.
#[derive(Debug)]
pub(crate) struct Nextest {
    workspace: PathBuf,
    metadata: PathBuf,
    binaries: PathBuf,
    config: PathBuf,
}

/// A time limit, with which nextest ends a stopped test.
const CONFIG: &str = "[profile.default]\n\
                      slow-timeout = { period = \"8s\", terminate-after = 1, grace-period = \"4s\" }\n";

impl Nextest {
    /// Writes the files; `None` if cargo-nextest is not installed.
    pub(crate) fn find(suite: &Path, folder: &Path) -> Result<Option<Self>, Failure> {
        let version = Command::new("cargo-nextest").args(["nextest", "--version"]).stdout(Stdio::null()).status();
        if version.is_err() {
            return Ok(None);
        }
        let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let manifest = workspace.join("Cargo.toml");
        let output = Command::new("cargo")
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
            .arg(&manifest)
            .output()
            .context(|| "asking cargo for the workspace".to_owned())?;
        let metadata: Value = serde_json::from_slice(&output.stdout)
            .context(|| format!("reading cargo's metadata of {}", manifest.display()))?;
        let nextest = Self {
            workspace,
            metadata: folder.join("cargo.json"),
            binaries: folder.join("binaries.json"),
            config: folder.join("nextest.toml"),
        };
        let files = [
            (&nextest.metadata, metadata.to_string()),
            (&nextest.binaries, binaries(suite, &metadata)?.to_string()),
            (&nextest.config, CONFIG.to_owned()),
        ];
        for (path, text) in files {
            fs::write(path, text).context(|| format!("writing {}", path.display()))?;
        }
        Ok(Some(nextest))
    }

    /// The command for a run of the suite.
    pub(crate) fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new("cargo-nextest");
        command.args(["nextest", "run", "--no-fail-fast", "--cargo-metadata"]).arg(&self.metadata);
        command.arg("--binaries-metadata").arg(&self.binaries).arg("--config-file").arg(&self.config);
        command.arg("--workspace-remap").arg(&self.workspace).args(arguments);
        command
    }
}

/// The description of the binary in the format of nextest.
fn binaries(suite: &Path, metadata: &Value) -> Result<Value, Failure> {
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let package = packages.iter().find(|package| package["name"] == "soak-suite");
    let package = package.ok_or_else(|| Failure::new("cargo knows no package of the suite"))?;
    let platform = json!({"triple": host()?, "target-features": "unknown"});
    let host = json!({"platform": platform, "libdir": {"status": "unavailable", "reason": "not needed"}});
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
            "binary-path": suite,
            "build-platform": "target",
        }},
    }))
}

/// The target triple.
fn host() -> Result<String, Failure> {
    let version = Command::new("rustc").arg("-vV").output().context(|| "asking rustc for the host".to_owned())?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let triple = version.lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned));
    triple.ok_or_else(|| Failure::new("rustc names no host"))
}
