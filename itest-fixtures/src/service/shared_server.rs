//! A server that the workers of a run share: the one of a URL, or one in a container.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::definition::Service;
use super::guard::application_is_not_used;

/// A server that the workers of a run share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SharedServer {
    pub(crate) address: Address,
    description: String,
}

impl SharedServer {
    /// A server that tests may use. The description names the product, its version, its place, and how the tests share it; `not_used` is the
    /// reason why the application's URL is not used.
    pub(crate) fn new<S: Service>(address: Address, description: &str, not_used: Option<&str>) -> Self {
        let description = format!("{description}{}", application_is_not_used::<S>(not_used));
        Self { address, description }
    }
}

impl fmt::Display for SharedServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.description)
    }
}
