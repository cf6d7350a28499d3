//! An initialized data directory: copied from a cache, or made by `initdb` and put there.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use itest_runtime::Error;

use super::address::SUPERUSER;
use super::binaries::Binaries;
use super::settings::{SEGMENTS, SETTINGS};
use crate::database::{Fingerprint, Owner, cached, failed_to};

/// A text as in the server's own files, with a locale that knows letters; where the system has none, without.
const LOCALES: [&str; 2] = ["--locale=C.UTF-8", "--no-locale"];

/// The catalogs as they are after `initdb`, in as few files and pages as they fit in: they are copied for each test's database.
const COMPACT: &str = "VACUUM (FULL, FREEZE)\n";

/// Fills `data`, which is not there yet, in a folder that `owner` can write to.
pub(super) fn initialize(binaries: &Binaries, data: &Path, owner: Option<&Owner>) -> Result<(), Error> {
    let key = Fingerprint::default().of(&binaries.version).of(&SETTINGS).of(&LOCALES).of(&COMPACT).text();
    cached(&format!("postgres-{key}"), data, owner, || initialize_anew(binaries, data, owner))
}

fn initialize_anew(binaries: &Binaries, data: &Path, owner: Option<&Owner>) -> Result<(), Error> {
    let mut said = String::new();
    for locale in LOCALES {
        let mut command = binaries.program("initdb");
        command.arg("-D").arg(data).args(["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", locale]);
        command.args(["--no-sync", "--no-instructions", SEGMENTS]).current_dir("/");
        if let Some(owner) = owner {
            owner.run(&mut command);
        }
        let output = command.output().map_err(|error| failed_to("start initdb", &error))?;
        if output.status.success() {
            let configuration = data.join("postgresql.conf");
            let written = OpenOptions::new().append(true).open(&configuration);
            let written = written.and_then(|mut file| file.write_all(configured().as_bytes()));
            written.map_err(|error| failed_to(&format!("write {}", configuration.display()), &error))?;
            return compact(binaries, data, owner);
        }
        String::from_utf8_lossy(&output.stderr).trim().clone_into(&mut said);
        let _ = fs::remove_dir_all(data);
    }
    Err(Error::new(format!("initdb cannot make a cluster in {}: {said}", data.display())))
}

/// Makes the database small that others are made of.
fn compact(binaries: &Binaries, data: &Path, owner: Option<&Owner>) -> Result<(), Error> {
    let mut command = binaries.program("postgres");
    command.args(["--single", "-D"]).arg(data).arg("template1").current_dir("/");
    if let Some(owner) = owner {
        owner.run(&mut command);
    }
    let output = answered(command, COMPACT).map_err(|error| failed_to("start postgres --single", &error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("postgres --single cannot compact the cluster in {}: {}", data.display(), said.trim())))
}

/// Runs a program that is given a text to read.
fn answered(mut command: Command, text: &str) -> io::Result<Output> {
    let mut program = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut input) = program.stdin.take() {
        // Whoever does not read it says why.
        let _ = input.write_all(text.as_bytes());
    }
    program.wait_with_output()
}

/// The end of the server's configuration.
fn configured() -> String {
    let mut text = "\n# A server for tests: nothing of it must survive a crash.\nlisten_addresses = ''\n".to_owned();
    for (name, value) in SETTINGS {
        let _ = writeln!(text, "{name} = '{value}'");
    }
    text
}
