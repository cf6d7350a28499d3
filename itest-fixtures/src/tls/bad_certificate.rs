//! The kinds of bad certificates.

use std::fmt;

/// A way in which the certificate of an endpoint is bad. All its other properties are those of a good certificate, so a client that refuses it
/// has checked this property.
///
/// # Examples
///
/// ```
/// use itest::BadCertificate;
///
/// assert_eq!(BadCertificate::WrongName.to_string(), "wrong-name");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BadCertificate {
    /// An authority that no client trusts has signed the certificate.
    Untrusted,
    /// The certificate expired years ago.
    Expired,
    /// The certificate is for another host.
    WrongName,
}

impl BadCertificate {
    /// All kinds of bad certificates. A client must refuse each of them.
    pub const ALL: [Self; 3] = [Self::Untrusted, Self::Expired, Self::WrongName];
}

impl fmt::Display for BadCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Untrusted => "untrusted",
            Self::Expired => "expired",
            Self::WrongName => "wrong-name",
        })
    }
}
