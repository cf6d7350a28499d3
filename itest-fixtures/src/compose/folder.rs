//! The folder with the files of a project: the rewritten compose file, and what the command line client of Compose has written.

use std::fs::{self, DirBuilder};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use itest_runtime::{Error, Teardown};

use crate::failure::failed_to;
use crate::itest::teardown;

/// The prefix of the names of projects and their folders.
pub(super) const PREFIX: &str = "itest-compose-";

/// A unique name for a project.
pub(super) fn new_project_name() -> String {
    let number = RandomState::new().hash_one(std::process::id());
    format!("{PREFIX}{}-{number:016x}", std::process::id())
}

/// Creates the folder of a project, which only the user of the tests can read, because the rewritten file contains the values of variables. Its
/// removal is recorded in the ledger before.
///
/// # Errors
///
/// When the folder cannot be created.
pub(super) fn create(project: &str, teardown: &Teardown) -> Result<PathBuf, Error> {
    let folder = std::env::temp_dir().join(project);
    teardown.durable(remove_compose_folder, folder.clone())?;
    let created = DirBuilder::new().mode(0o700).create(&folder);
    created.map_err(|error| failed_to(&format!("create {}", folder.display()), &error))?;
    Ok(folder)
}

/// Removes the folder of a project.
#[teardown(crate = crate::itest)]
fn remove_compose_folder(folder: PathBuf) -> Result<(), Error> {
    let is_of_project = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    if !is_of_project {
        return Err(Error::new(format!("{} is not the folder of a project", folder.display())));
    }
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed_to(&format!("remove {}", folder.display()), &error))
        }
        _ => Ok(()),
    }
}
