//! The checksums of a body: those that the client announces, and those that the server computes.

use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumAlgorithm};
use s3s::{S3Error, S3Result, TrailingHeaders, s3_error};

/// Takes the checksums of the input of an operation. Several inputs have the same fields.
macro_rules! checksum_of {
    ($input:expr) => {
        s3s::dto::Checksum {
            checksum_crc32: $input.checksum_crc32.take(),
            checksum_crc32c: $input.checksum_crc32c.take(),
            checksum_crc64nvme: $input.checksum_crc64nvme.take(),
            checksum_sha1: $input.checksum_sha1.take(),
            checksum_sha256: $input.checksum_sha256.take(),
            checksum_type: None,
        }
    };
}
pub(super) use checksum_of;

/// Sets the checksums of the output of an operation. Several outputs have the same fields.
macro_rules! set_checksum {
    ($output:expr, $checksum:expr) => {{
        let checksum = $checksum.clone();
        $output.checksum_crc32 = checksum.checksum_crc32;
        $output.checksum_crc32c = checksum.checksum_crc32c;
        $output.checksum_crc64nvme = checksum.checksum_crc64nvme;
        $output.checksum_sha1 = checksum.checksum_sha1;
        $output.checksum_sha256 = checksum.checksum_sha256;
    }};
}
pub(super) use set_checksum;

/// The checksums that a client announces in the headers of its request.
#[derive(Debug, Default)]
pub(super) struct Announced {
    /// The values.
    pub(super) checksum: Checksum,
    /// An algorithm, whose value may follow the body.
    pub(super) algorithm: Option<ChecksumAlgorithm>,
}

impl Announced {
    /// Computes the checksums of a body that the client has announced, and compares them. `trailers` are the headers that followed the body.
    ///
    /// # Errors
    ///
    /// When a checksum differs, or its algorithm is not known.
    pub(super) fn verify(mut self, bytes: &[u8], trailers: Option<&TrailingHeaders>) -> S3Result<Checksum> {
        self.add_trailers(trailers);
        let Self { checksum: announced, algorithm } = self;
        let mut hasher = ChecksumHasher {
            crc32: announced.checksum_crc32.as_ref().map(|_| Crc32::new()),
            crc32c: announced.checksum_crc32c.as_ref().map(|_| Crc32c::new()),
            sha1: announced.checksum_sha1.as_ref().map(|_| Sha1::new()),
            sha256: announced.checksum_sha256.as_ref().map(|_| Sha256::new()),
            crc64nvme: announced.checksum_crc64nvme.as_ref().map(|_| Crc64Nvme::new()),
        };
        if let Some(algorithm) = algorithm {
            match algorithm.as_str() {
                ChecksumAlgorithm::CRC32 => hasher.crc32 = Some(Crc32::new()),
                ChecksumAlgorithm::CRC32C => hasher.crc32c = Some(Crc32c::new()),
                ChecksumAlgorithm::SHA1 => hasher.sha1 = Some(Sha1::new()),
                ChecksumAlgorithm::SHA256 => hasher.sha256 = Some(Sha256::new()),
                ChecksumAlgorithm::CRC64NVME => hasher.crc64nvme = Some(Crc64Nvme::new()),
                other => return Err(s3_error!(NotImplemented, "the checksum algorithm {other} is not implemented")),
            }
        }
        hasher.update(bytes);
        let computed = hasher.finalize();
        for (name, announced, computed) in [
            ("CRC32", &announced.checksum_crc32, &computed.checksum_crc32),
            ("CRC32C", &announced.checksum_crc32c, &computed.checksum_crc32c),
            ("CRC64NVME", &announced.checksum_crc64nvme, &computed.checksum_crc64nvme),
            ("SHA1", &announced.checksum_sha1, &computed.checksum_sha1),
            ("SHA256", &announced.checksum_sha256, &computed.checksum_sha256),
        ] {
            if announced.is_some() && announced != computed {
                return Err(differs(name, announced.as_deref(), computed.as_deref()));
            }
        }
        Ok(computed)
    }

    fn add_trailers(&mut self, trailers: Option<&TrailingHeaders>) {
        let Some(trailers) = trailers.and_then(TrailingHeaders::take) else { return };
        let value = |name: &str| trailers.get(name)?.to_str().ok().map(str::to_owned);
        let Checksum { checksum_crc32, checksum_crc32c, checksum_crc64nvme, checksum_sha1, checksum_sha256, .. } =
            &mut self.checksum;
        for (checksum, name) in [
            (checksum_crc32, "x-amz-checksum-crc32"),
            (checksum_crc32c, "x-amz-checksum-crc32c"),
            (checksum_crc64nvme, "x-amz-checksum-crc64nvme"),
            (checksum_sha1, "x-amz-checksum-sha1"),
            (checksum_sha256, "x-amz-checksum-sha256"),
        ] {
            *checksum = checksum.take().or_else(|| value(name));
        }
    }
}

fn differs(name: &str, announced: Option<&str>, computed: Option<&str>) -> S3Error {
    let (announced, computed) = (announced.unwrap_or_default(), computed.unwrap_or_default());
    s3_error!(BadDigest, "the {name} of the body is {computed}, and the client has announced {announced}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_checksum_is_compared_with_the_body() {
        let announced = |crc32: &str| {
            let checksum = Checksum { checksum_crc32: Some(crc32.to_owned()), ..Checksum::default() };
            Announced { checksum, algorithm: None }
        };
        let computed = announced("NhCmhg==").verify(b"hello", None).unwrap();
        assert_eq!(computed.checksum_crc32.as_deref(), Some("NhCmhg=="));
        let error = announced("AAAAAA==").verify(b"hello", None).unwrap_err();
        assert!(error.message().unwrap().contains("the CRC32 of the body is NhCmhg=="), "{error:?}");
    }
}
