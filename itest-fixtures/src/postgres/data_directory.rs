//! Provides an initialized data directory: copied from the cache, or created by `initdb` and added to the cache.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use itest_runtime::Error;

use super::address::SUPERUSER;
use super::programs::Installation;
use super::settings::{SETTINGS, WAL_SEGMENT_SIZE};
use crate::database::failed_to;
use crate::service::{Account, Fingerprint, cached};

/// The locales to try. The first one sorts by code point and classifies the letters of all languages; the second one is for systems that
/// lack it.
const LOCALES: [&str; 2] = ["--locale=C.UTF-8", "--no-locale"];

/// Rewrites the catalogs of the new cluster into as few pages as possible, because they are copied for each test's database.
const COMPACT: &str = "VACUUM (FULL, FREEZE)\n";

/// Creates and fills the folder `data`. Its parent folder belongs to `account`.
pub(super) fn initialize(programs: &Installation, data: &Path, account: Option<&Account>) -> Result<(), Error> {
    let key = Fingerprint::default().with(&programs.version).with(&SETTINGS).with(&LOCALES).with(&COMPACT).text();
    cached(&format!("postgres-{key}"), data, account, || run_initdb(programs, data, account))
}

fn run_initdb(programs: &Installation, data: &Path, account: Option<&Account>) -> Result<(), Error> {
    let mut stderr = String::new();
    for locale in LOCALES {
        let mut command = programs.program("initdb");
        command.arg("-D").arg(data).args(["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", locale]);
        command.args(["--no-sync", "--no-instructions", WAL_SEGMENT_SIZE]).current_dir("/");
        if let Some(account) = account {
            account.run(&mut command);
        }
        let output = command.output().map_err(|error| failed_to("start initdb", &error))?;
        if output.status.success() {
            let configuration = data.join("postgresql.conf");
            let written = OpenOptions::new().append(true).open(&configuration);
            let written = written.and_then(|mut file| file.write_all(configuration_lines().as_bytes()));
            written.map_err(|error| failed_to(&format!("write {}", configuration.display()), &error))?;
            return compact(programs, data, account);
        }
        String::from_utf8_lossy(&output.stderr).trim().clone_into(&mut stderr);
        let _ = fs::remove_dir_all(data);
    }
    Err(Error::new(format!("initdb cannot make a cluster in {}: {stderr}", data.display())))
}

/// Compacts `template1`, from which `CREATE DATABASE` copies.
fn compact(programs: &Installation, data: &Path, account: Option<&Account>) -> Result<(), Error> {
    let mut command = programs.program("postgres");
    command.args(["--single", "-D"]).arg(data).arg("template1").current_dir("/");
    if let Some(account) = account {
        account.run(&mut command);
    }
    let output = run_with_input(command, COMPACT).map_err(|error| failed_to("start postgres --single", &error))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("postgres --single cannot compact the cluster in {}: {}", data.display(), stderr.trim())))
}

/// Runs a program with a text as its standard input.
fn run_with_input(mut command: Command, text: &str) -> io::Result<Output> {
    let mut program = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut input) = program.stdin.take() {
        // An error here means that the program has stopped reading; its exit code and its standard error say why.
        let _ = input.write_all(text.as_bytes());
    }
    program.wait_with_output()
}

/// The lines that are appended to the server's configuration.
fn configuration_lines() -> String {
    let mut text = "\n# A server for tests: nothing of it must survive a crash.\nlisten_addresses = ''\n".to_owned();
    for (name, value) in SETTINGS {
        let _ = writeln!(text, "{name} = '{value}'");
    }
    text
}
