//! An initialized data directory: copied from a cache, or made by `initdb` and put there.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use itest_runtime::Error;

use super::address::SUPERUSER;
use super::programs::Installation;
use super::settings::{SEGMENTS, SETTINGS};
use crate::database::failed_to;
use crate::service::{Account, Fingerprint, cached};

/// A text as in the server's own files, with a locale that knows letters; where the system has none, without.
const LOCALES: [&str; 2] = ["--locale=C.UTF-8", "--no-locale"];

/// The catalogs as they are after `initdb`, in as few files and pages as they fit in: they are copied for each test's database.
const COMPACT: &str = "VACUUM (FULL, FREEZE)\n";

/// Fills `data`, which is not there yet, in a folder that `account` can write to.
pub(super) fn initialize(programs: &Installation, data: &Path, account: Option<&Account>) -> Result<(), Error> {
    let key = Fingerprint::default().with(&programs.version).with(&SETTINGS).with(&LOCALES).with(&COMPACT).text();
    cached(&format!("postgres-{key}"), data, account, || initialize_anew(programs, data, account))
}

fn initialize_anew(programs: &Installation, data: &Path, account: Option<&Account>) -> Result<(), Error> {
    let mut said = String::new();
    for locale in LOCALES {
        let mut command = programs.program("initdb");
        command.arg("-D").arg(data).args(["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", locale]);
        command.args(["--no-sync", "--no-instructions", SEGMENTS]).current_dir("/");
        if let Some(account) = account {
            account.run(&mut command);
        }
        let output = command.output().map_err(|error| failed_to("start initdb", &error))?;
        if output.status.success() {
            let configuration = data.join("postgresql.conf");
            let written = OpenOptions::new().append(true).open(&configuration);
            let written = written.and_then(|mut file| file.write_all(configured().as_bytes()));
            written.map_err(|error| failed_to(&format!("write {}", configuration.display()), &error))?;
            return compact(programs, data, account);
        }
        String::from_utf8_lossy(&output.stderr).trim().clone_into(&mut said);
        let _ = fs::remove_dir_all(data);
    }
    Err(Error::new(format!("initdb cannot make a cluster in {}: {said}", data.display())))
}

/// Makes the database small that others are made of.
fn compact(programs: &Installation, data: &Path, account: Option<&Account>) -> Result<(), Error> {
    let mut command = programs.program("postgres");
    command.args(["--single", "-D"]).arg(data).arg("template1").current_dir("/");
    if let Some(account) = account {
        account.run(&mut command);
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
