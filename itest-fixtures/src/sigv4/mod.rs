//! Requests to services of AWS, signed with Signature Version 4.

mod credentials;
mod endpoint;
mod hex;
mod request;
mod signature;
mod time;

pub(crate) use credentials::Credentials;
pub(crate) use endpoint::{DEFAULT_REGION, Endpoint, ServerUrl};
#[cfg(feature = "s3")]
pub(crate) use hex::hex;
pub(crate) use request::{SignedAnswer, SignedRequest};
