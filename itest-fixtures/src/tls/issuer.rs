//! The key of the test process that signs certificates.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use itest_runtime::Error;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use super::bad_certificate::BadCertificate;

/// The name in a certificate for a wrong host. The domain `invalid` is reserved (RFC 2606).
const WRONG_NAME: &str = "wrong-name.invalid";

/// The configuration of a server of this process with a good certificate.
#[cfg(feature = "mail")]
pub(crate) fn server_config() -> Result<Arc<ServerConfig>, Error> {
    ProcessIssuer::get()?.good_config()
}

/// The authority that signs the certificates of one process. Its key is never written to a file.
#[derive(Debug)]
pub(super) struct ProcessIssuer {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// The configuration with the good certificate, which all endpoints of the process share.
    good: OnceLock<Arc<ServerConfig>>,
}

impl ProcessIssuer {
    /// The issuer of this process, which is created when a test needs it for the first time.
    pub(super) fn get() -> Result<&'static Self, Error> {
        static ISSUER: OnceLock<ProcessIssuer> = OnceLock::new();
        if let Some(issuer) = ISSUER.get() {
            return Ok(issuer);
        }
        // If two threads create one at the same time, the first one is used.
        let issuer = Self::new("itest of this process").map_err(|error| cannot_make(&error))?;
        Ok(ISSUER.get_or_init(|| issuer))
    }

    fn new(name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = named(name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = parameters.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(parameters, key), pem, good: OnceLock::new() })
    }

    /// The certificate of the authority in the PEM format.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// The configuration of a server with a good certificate.
    pub(super) fn good_config(&self) -> Result<Arc<ServerConfig>, Error> {
        if let Some(config) = self.good.get() {
            return Ok(Arc::clone(config));
        }
        let config = self.server_config(None)?;
        Ok(Arc::clone(self.good.get_or_init(|| config)))
    }

    /// The configuration of a server with a bad certificate.
    #[cfg(feature = "tls")]
    pub(super) fn bad_config(&self, bad: BadCertificate) -> Result<Arc<ServerConfig>, Error> {
        match bad {
            BadCertificate::Untrusted => {
                let other = Self::new("another itest").map_err(|error| cannot_make(&error))?;
                other.server_config(None)
            }
            BadCertificate::Expired | BadCertificate::WrongName => self.server_config(Some(bad)),
        }
    }

    fn server_config(&self, bad: Option<BadCertificate>) -> Result<Arc<ServerConfig>, Error> {
        let key = KeyPair::generate().map_err(|error| cannot_make(&error))?;
        let parameters = leaf_parameters(bad).map_err(|error| cannot_make(&error))?;
        let certificate = parameters.signed_by(&key, &self.issuer).map_err(|error| cannot_make(&error))?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        // The provider is named, because a process may have several providers and no default.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key))
            .map_err(|error| Error::new(format!("cannot configure TLS: {error}")))?;
        Ok(Arc::new(config))
    }
}

/// What the certificate of a server says. It is valid for thousands of years, because the code under test may have another clock.
fn leaf_parameters(bad: Option<BadCertificate>) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()])?;
    parameters.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    parameters.distinguished_name = named("a server of a test");
    parameters.use_authority_key_identifier_extension = true;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    match bad {
        Some(BadCertificate::WrongName) => {
            parameters.subject_alt_names = vec![SanType::DnsName(WRONG_NAME.try_into()?)];
        }
        Some(BadCertificate::Expired) => parameters.not_after = rcgen::date_time_ymd(2001, 1, 1),
        Some(BadCertificate::Untrusted) | None => {}
    }
    Ok(parameters)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn cannot_make(error: &rcgen::Error) -> Error {
    Error::new(format!("cannot make a certificate: {error}"))
}
