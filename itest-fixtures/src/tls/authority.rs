//! The certificate authority that the code under test trusts.

use std::path::{Path, PathBuf};

use itest_runtime::{Error, Teardown, TempDir};

use super::issuer::ProcessIssuer;
use crate::itest::fixture;

/// The certificate authority of the test process: it has signed the certificates of all endpoints of a test, for 127.0.0.1 and `localhost`.
///
/// The code under test is configured to trust it. Its key exists only in the memory of the process.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// use itest::CertificateAuthority;
///
/// struct Shop(RunningProgram);
///
/// #[fixture]
/// async fn shop(authority: &CertificateAuthority, teardown: &Teardown) -> Result<Shop> {
///     let program = Program::cargo_bin("shop").env("SSL_CERT_FILE", authority.path());
///     Ok(Shop(program.start(teardown).await?))
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct CertificateAuthority {
    pem: &'static str,
    path: PathBuf,
}

impl CertificateAuthority {
    /// Writes the certificate of the authority to a file, which is removed after the test.
    pub(crate) fn create(teardown: &Teardown) -> Result<Self, Error> {
        let pem = ProcessIssuer::get()?.pem();
        let path = TempDir::create("authority", teardown)?.join("authority.pem");
        std::fs::write(&path, pem).map_err(|error| Error::new(format!("cannot write {}: {error}", path.display())))?;
        Ok(Self { pem, path })
    }

    /// The certificate in the PEM format.
    #[must_use]
    pub fn pem(&self) -> &str {
        self.pem
    }

    /// A file with the certificate in the PEM format. It exists until the teardown of the test.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The certificate authority of the process.
#[fixture(crate = crate::itest)]
fn certificate_authority(teardown: &Teardown) -> Result<CertificateAuthority, Error> {
    CertificateAuthority::create(teardown)
}
