//! Files that contain a secret, such as a password.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use itest_runtime::Error;

use super::account::Account;
use crate::failure::failed_to;

/// Writes a file that only its owner can read: the account, or the user of the tests. It replaces an earlier file.
///
/// # Errors
///
/// When the file cannot be written.
pub(crate) fn write_secret(path: &Path, text: &str, owner: Option<&Account>) -> Result<(), Error> {
    let write = || {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The file gets its mode when it is created, so that it is never readable by others.
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        owner.map_or(Ok(()), |owner| owner.own(path))
    };
    write().map_err(|error| failed_to(&format!("write {}", path.display()), &error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secret_file_is_readable_by_its_owner_only_also_if_it_replaces_another_file() {
        let path = std::env::temp_dir().join(format!("itest-secret-{}", std::process::id()));
        fs::write(&path, "readable by all users").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_secret(&path, "s3cret", None).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "s3cret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&path).unwrap();
    }
}
