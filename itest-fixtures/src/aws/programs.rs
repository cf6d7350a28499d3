//! Finds moto, an imitation of AWS in Python, and configures a private server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use itest_runtime::__private::{FixtureSetting, SettingShape, inventory, variable};
use itest_runtime::{Error, Program};

use crate::failure::failed_to;
use crate::service::{Account, Programs, SERVER_PORT};

/// The file with the process id of a private server.
pub(super) const PID_FILE: &str = "pid";

/// The file with the version of moto.
const VERSION_FILE: &str = "version";

/// The file that Python executes. Its path is among the arguments of the process, by which itest recognizes the process.
const SCRIPT_FILE: &str = "moto_server";

/// Writes the process id, and becomes the server.
const START: &str = "echo $$ >\"$0\" && exec \"$@\"";

/// Prints the version of moto if it can be a server. It does not import moto, because that takes a second.
const PRINT_VERSION: &str = "import importlib.metadata, importlib.util, sys\n\
                             if importlib.util.find_spec('flask') is None: sys.exit('moto[server] is not installed')\n\
                             print(importlib.metadata.version('moto'))\n";

/// Variables with which users change their own servers, and which would change a private one.
const VARIABLES_OF_USERS: [&str; 7] = [
    "AWS_CONFIG_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "INITIAL_NO_AUTH_ACTION_COUNT",
    "MOTO_ACCOUNT_ID",
    "MOTO_PORT",
];

inventory::submit! {
    FixtureSetting {
        key: "python",
        shape: SettingShape::Value("PROGRAM"),
        help: "The Python interpreter with the package moto[server], unless moto_server is on the PATH",
        default_text: "",
    }
}

/// An installed moto.
#[derive(Debug, Clone)]
pub(crate) struct Moto {
    /// The interpreter that has the package.
    python: PathBuf,
    version: String,
}

impl Moto {
    fn of_interpreter(python: PathBuf) -> Option<Self> {
        let output = Command::new(&python).args(["-c", PRINT_VERSION]).output().ok()?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.success() && !version.is_empty()).then_some(Self { python, version })
    }
}

impl Programs for Moto {
    const NAME: &'static str = "moto";

    /// The interpreter in the variable, or the one that executes the `moto_server` on the `PATH`.
    fn find() -> Option<Self> {
        if let Some(python) = variable("ITEST_PYTHON") {
            return Self::of_interpreter(PathBuf::from(python));
        }
        let path = variable("PATH").unwrap_or_default();
        let mut scripts = std::env::split_paths(&path).map(|folder| folder.join("moto_server"));
        let script = scripts.find(|script| script.is_file())?.canonicalize().ok()?;
        let interpreter = interpreter_of(&fs::read_to_string(&script).ok()?)?;
        Self::of_interpreter(interpreter)
    }

    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error> {
        let script = "from moto.server import main\nmain()\n";
        for (name, text) in [(SCRIPT_FILE, script), (VERSION_FILE, &self.version)] {
            let path = folder.join(name);
            let written = fs::write(&path, text)
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
                .and_then(|()| account.map_or(Ok(()), |account| account.own(&path)));
            written.map_err(|error| failed_to(&format!("write {}", path.display()), &error))?;
        }
        Ok(())
    }

    /// The server listens on 127.0.0.1 only, and knows neither the settings nor the credentials of the user.
    fn server(&self, folder: &Path) -> Program {
        let program = VARIABLES_OF_USERS.into_iter().fold(Program::new("/bin/sh"), Program::env_remove);
        program
            .port(SERVER_PORT)
            .env("HOME", folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .args(["-c", START])
            .arg(folder.join(PID_FILE))
            .arg(&self.python)
            .arg(folder.join(SCRIPT_FILE))
            .args(["-H", "127.0.0.1", "-p"])
            .arg(format!("{{port:{SERVER_PORT}}}"))
    }
}

/// The version of the moto whose private server is in a folder.
pub(super) fn version_in(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(VERSION_FILE)).ok()
}

/// The interpreter in the first line of a script: `#!/opt/moto/bin/python`. `pip` writes such a line with an absolute path; with a path that is too
/// long for the system, it writes a shell script, whose second line executes the interpreter: `'''exec' /very/long/python "$0" "$@"`.
fn interpreter_of(script: &str) -> Option<PathBuf> {
    let mut lines = script.lines();
    let first = lines.next()?.strip_prefix("#!")?.trim();
    let interpreter = if first == "/bin/sh" {
        lines.next()?.strip_prefix("'''exec' ")?.split(" \"$0\"").next()?.trim_matches('"')
    } else {
        first
    };
    Path::new(interpreter).is_absolute().then(|| PathBuf::from(interpreter)).filter(|path| !path.ends_with("env"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreter_is_that_of_the_script() {
        for (script, interpreter) in [
            ("#!/opt/moto/bin/python3\nimport sys\n", Some("/opt/moto/bin/python3")),
            ("#!/bin/sh\n'''exec' \"/a b/bin/python3\" \"$0\" \"$@\"\n' '''\n", Some("/a b/bin/python3")),
            ("#!/bin/sh\n'''exec' /a/bin/python3 \"$0\" \"$@\"\n' '''\n", Some("/a/bin/python3")),
            ("#!/bin/sh\nexec something\n", None),
            ("import sys\n", None),
        ] {
            assert_eq!(interpreter_of(script).as_deref(), interpreter.map(Path::new), "{script}");
        }
    }
}
