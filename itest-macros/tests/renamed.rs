//! A package may give the crate `itest` another name.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

#[test]
fn a_renamed_crate_is_found() -> io::Result<()> {
    let package = package()?;
    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--quiet", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(package.join("target"))
        .output()?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("4 passed"), "{stdout}\n{stderr}");
    Ok(())
}

/// A package outside of the workspace, with the workspace's versions of all that it depends on.
fn package() -> io::Result<PathBuf> {
    let macros = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = macros.parent().ok_or(io::ErrorKind::NotFound)?;
    let suite = macros.join("tests/renamed/suite.rs");
    let manifest = format!(
        r#"
        [package]
        name = "renamed"
        version = "0.0.0"
        edition = "2024"
        publish = false

        [lib]
        path = "lib.rs"

        [dev-dependencies]
        serde = {{ version = "1", features = ["derive"] }}
        trials = {{ package = "itest", path = '{workspace}', default-features = false }}

        [[test]]
        name = "suite"
        path = '{suite}'
        harness = false

        [profile.dev]
        debug = false

        [workspace]
        "#,
        workspace = workspace.display(),
        suite = suite.display(),
    );
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("renamed");
    fs::create_dir_all(&package)?;
    fs::write(package.join("Cargo.toml"), manifest)?;
    fs::write(package.join("lib.rs"), "")?;
    fs::copy(workspace.join("Cargo.lock"), package.join("Cargo.lock"))?;
    Ok(package)
}
