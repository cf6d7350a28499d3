//! The command line client of Compose: the plugin `docker compose`, or the program `docker-compose`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use itest_runtime::__private::variable;
use itest_runtime::{Error, Program, RunningProgram, Teardown};

use super::definition::StackOptions;
use super::file::ComposeFile;
use crate::failure::failed_to;
use crate::service::Offer;
use crate::service::container::{HOST, STANDARD_HOST};

/// The clients, in the order in which they are tried.
const CLIENTS: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];

/// The remedy if there is no client.
const INSTALLATION: &str = "install Docker Compose (`docker compose` or `docker-compose`)";

/// The variables that would replace the arguments of the client.
const REPLACED_VARIABLES: [&str; 3] = ["COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"];

/// How many of the last lines that the client has written an error quotes.
const QUOTED_LINES: usize = 12;

/// The client, and what all its calls have in common.
#[derive(Debug)]
pub(super) struct Cli {
    words: &'static [&'static str],
    /// Its version: `2.26.1`.
    version: String,
    project: String,
    /// The folder for what it writes.
    folder: PathBuf,
    /// The folder that relative paths in the compose file begin with.
    project_folder: PathBuf,
    options: StackOptions,
    teardown: Teardown,
}

/// A call of the client that has begun.
#[derive(Debug)]
pub(super) struct Call {
    program: RunningProgram,
    /// The words of the call, for messages.
    words: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Cli {
    /// Finds the client.
    ///
    /// # Errors
    ///
    /// When a client cannot be executed.
    pub(super) async fn find(
        file: &ComposeFile,
        folder: &Path,
        options: StackOptions,
        teardown: &Teardown,
    ) -> Result<Offer<Self>, Error> {
        let project = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut cli = Self {
            words: CLIENTS[0],
            version: String::new(),
            project,
            folder: folder.to_owned(),
            project_folder: file.folder().to_owned(),
            options,
            teardown: teardown.clone(),
        };
        for words in CLIENTS {
            cli.words = words;
            if !words.first().is_some_and(|program| is_installed(program)) {
                continue;
            }
            let call = cli.call(&[], "version", &["version".into(), "--short".into()]).await?;
            if call.wait().await?.success() {
                let version = call.stdout()?;
                version.trim().trim_start_matches('v').clone_into(&mut cli.version);
                return Ok(Offer::Available(cli));
            }
        }
        Ok(Offer::Unavailable(INSTALLATION.to_owned()))
    }

    /// The client with its version, for messages.
    pub(super) fn in_words(&self) -> String {
        format!("{} {}", self.words.join(" "), self.version)
    }

    /// The file with all variables replaced, and what the client has reported.
    ///
    /// # Errors
    ///
    /// When the client refuses the file. The error contains its reason.
    pub(super) async fn resolve(&self, file: &ComposeFile) -> Result<(String, String), Error> {
        let mut arguments = vec!["config".into()];
        // Version 1 writes YAML only.
        if !self.version.starts_with("1.") {
            arguments.extend(["--format".into(), "json".into()]);
        }
        let call = self.call(&self.options_of(&file.path), "config", &arguments).await?;
        if call.wait().await?.success() {
            return Ok((call.stdout()?, call.messages()));
        }
        Err(Error::new(format!("{} refuses {}:\n{}", self.in_words(), file.shown, call.messages())))
    }

    /// Builds the images of the services.
    ///
    /// # Errors
    ///
    /// When an image cannot be built. The error contains the reason.
    pub(super) async fn build(&self, file: &Path) -> Result<(), Error> {
        let call = self.call(&self.options_of(file), "build", &["build".into()]).await?;
        if call.wait().await?.success() {
            return Ok(());
        }
        Err(Error::new(format!("{} cannot build the images:\n{}", self.in_words(), call.messages())))
    }

    /// Begins to start the services.
    ///
    /// # Errors
    ///
    /// When the client cannot be executed.
    pub(super) async fn up(&self, file: &Path) -> Result<Call, Error> {
        let arguments = ["up", "--detach", "--no-build"].map(Into::into);
        self.call(&self.options_of(file), "up", &arguments).await
    }

    fn options_of(&self, file: &Path) -> Vec<OsString> {
        let mut options: Vec<OsString> = vec!["--project-name".into(), self.project.clone().into()];
        options.extend(["--project-directory".into(), self.project_folder.clone().into()]);
        options.extend(["--file".into(), file.into()]);
        options.extend(self.options.profiles.iter().flat_map(|profile| ["--profile".into(), profile.into()]));
        options
    }

    /// Begins a call. The end of its process is recorded in the ledger before.
    async fn call(&self, options: &[OsString], name: &str, arguments: &[OsString]) -> Result<Call, Error> {
        let Some((program, subcommand)) = self.words.split_first() else {
            return Err(Error::new(INSTALLATION));
        };
        let [stdout, stderr] = ["stdout", "stderr"].map(|stream| self.folder.join(format!("{name}.{stream}")));
        let words: Vec<OsString> = subcommand.iter().map(OsString::from).collect();
        let words = [&words, options, arguments].concat();
        let mut variables = self.options.variables.clone();
        variables.push((HOST.to_owned(), variable(HOST).unwrap_or_else(|| STANDARD_HOST.to_owned())));
        let started = Program::new(program)
            // The arguments and variables are set in this way because `Program` replaces `{port}` in its own.
            .configure(move |command: &mut Command| {
                for name in REPLACED_VARIABLES {
                    command.env_remove(name);
                }
                command.args(&words).envs(variables.iter().map(|(name, value)| (name, value)));
            })
            .current_dir(&self.project_folder)
            .stdout(create(&stdout)?)
            .stderr(create(&stderr)?)
            .may_exit()
            .start(&self.teardown);
        let words = format!("{} {name}", self.words.join(" "));
        Ok(Call { program: started.await?, words, stdout, stderr })
    }
}

impl Call {
    /// Waits until it has ended.
    pub(super) async fn wait(&self) -> Result<ExitStatus, Error> {
        self.program.wait().await
    }

    /// How it ended, or `None` if it has not ended yet.
    pub(super) fn status(&self) -> Option<ExitStatus> {
        self.program.status()
    }

    /// Ends it.
    pub(super) async fn kill(&self) -> Result<(), Error> {
        self.program.kill().await.map(drop)
    }

    /// The call, for messages.
    pub(super) fn words(&self) -> &str {
        &self.words
    }

    fn stdout(&self) -> Result<String, Error> {
        let text = fs::read(&self.stdout);
        let text = text.map_err(|error| failed_to(&format!("read {}", self.stdout.display()), &error))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The last lines that it has written as messages.
    pub(super) fn messages(&self) -> String {
        let text = fs::read(&self.stderr).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().map(last_state_of_line).filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
    }
}

/// The text of a line that was written several times, with a carriage return before each.
fn last_state_of_line(line: &str) -> &str {
    line.trim_end_matches('\r').rsplit('\r').next().unwrap_or(line)
}

fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(|error| failed_to(&format!("create {}", path.display()), &error))
}

/// Whether a program is in a folder of `PATH`.
fn is_installed(program: &str) -> bool {
    let folders = variable("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .any(|folder| !folder.as_os_str().as_bytes().is_empty() && folder.join(program).is_file())
}
