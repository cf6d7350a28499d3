//! The files and the password of a private service.

use std::path::{Path, PathBuf};

use crate::service::password::Password;

/// The folder and the password of a private service, which itest starts from the installed program.
#[derive(Debug)]
pub struct PrivateService {
    folder: PathBuf,
    password: Password,
}

impl PrivateService {
    pub(super) fn new(folder: PathBuf, password: Password) -> Self {
        Self { folder, password }
    }

    /// The folder for the files of the service. It is empty at first, in memory if enough is free, and removed when the service has ended.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The password that stands for `{password}` in the URL. It is another one for each start.
    ///
    /// Every user of the machine can read the arguments of a program, so a password belongs into a variable or a file.
    #[must_use]
    pub fn password(&self) -> &str {
        self.password.expose()
    }
}
