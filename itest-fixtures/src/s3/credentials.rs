//! Random credentials, names and ids.

use itest_runtime::Error;

use crate::failure::failed_to;
use crate::sigv4::Credentials;

impl Credentials {
    /// Generates credentials with the lengths that AWS uses, because some clients check them.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers.
    pub(in crate::s3) fn random() -> Result<Self, Error> {
        let (access, secret) = (random_number()?, random_number()?);
        let access_key = format!("ITEST{:015X}", access >> 68);
        let secret_key = format!("{secret:032x}{:08x}", access & 0xffff_ffff);
        Ok(Self { access_key, secret_key })
    }
}

/// Generates a name for a bucket of a test.
///
/// # Errors
///
/// When the system has no random numbers.
pub(super) fn random_bucket_name() -> Result<String, Error> {
    Ok(format!("{BUCKET_PREFIX}{:016x}", random_number()? >> 64))
}

/// Generates the id of a multipart upload.
///
/// # Errors
///
/// When the system has no random numbers.
pub(super) fn random_id() -> Result<String, Error> {
    Ok(format!("{:032x}", random_number()?))
}

/// The beginning of the names of buckets that itest makes.
const BUCKET_PREFIX: &str = "itest-";

fn random_number() -> Result<u128, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| failed_to("generate a random number", &error))?;
    Ok(u128::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_random() {
        let (one, other) = (Credentials::random().unwrap(), Credentials::random().unwrap());
        assert_ne!(one.access_key, other.access_key);
        assert_ne!(one.secret_key, other.secret_key);
        assert_eq!((one.access_key.len(), one.secret_key.len()), (20, 40));
    }

    #[test]
    fn bucket_names_are_valid_and_differ() {
        let (one, other) = (random_bucket_name().unwrap(), random_bucket_name().unwrap());
        assert_ne!(one, other);
        assert!(s3s::path::check_bucket_name(&one), "{one}");
    }
}
