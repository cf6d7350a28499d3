//! The command line.

use std::path::PathBuf;

use figures::Failure;

pub(crate) const HELP: &str = "\
Measures what a clean database costs each test.

Usage: run [OPTIONS]

  --rounds N       runs of each method; the default is 3
  --only TEXT      only the methods whose names contain TEXT
  --server URL     on this durable PostgreSQL server, instead of a private one in memory
  --mysql URL      on this MariaDB or MySQL server, instead of private ones in memory
  --plain          must be the first option: compile dependencies without optimization
  --markdown FILE  write the tables to this file as well
  --help           print this

Exit code: 0 if all bounds are met, 1 if one is missed, 2 if the measuring itself failed.";

/// The options of the command line.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) only: String,
    pub(crate) server: Option<String>,
    pub(crate) mysql: Option<String>,
    pub(crate) markdown: Option<PathBuf>,
}

/// Parses the arguments after the program's name; `None` if the help is requested.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Options>, Failure> {
    let mut arguments = arguments.into_iter();
    let mut options = Options { rounds: 3, only: String::new(), server: None, mysql: None, markdown: None };
    while let Some(flag) = arguments.next() {
        if flag == "--help" || flag == "-h" {
            return Ok(None);
        }
        let value = arguments.next().ok_or_else(|| Failure::new(format!("{flag} needs a value")))?;
        match flag.as_str() {
            "--rounds" => {
                options.rounds = value.parse().map_err(|_| Failure::new(format!("{value} is no number of rounds")))?;
            }
            "--only" => options.only = value,
            "--server" => options.server = Some(value),
            "--mysql" => options.mysql = Some(value),
            "--markdown" => options.markdown = Some(PathBuf::from(value)),
            _ => return Err(Failure::new(format!("{flag} is unknown; see --help"))),
        }
    }
    Ok(Some(options))
}
