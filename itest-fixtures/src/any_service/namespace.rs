//! What a test has of a service that it shares with other tests.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use serde::{Deserialize, Serialize};

use itest_runtime::Error;

use crate::service::Address;
use crate::service::url::url_of;

/// The prefix of all names.
const PREFIX: &str = "itest_";

/// A name that only one test uses, for its indices, collections, keys or whatever the service has; and the URL of the service.
#[derive(Clone, Serialize, Deserialize)]
pub struct Namespace {
    name: String,
    url: Url,
}

#[derive(Clone, Serialize, Deserialize)]
enum Url {
    /// The URL in a variable. It stays there, because the ledger must not contain its password.
    InVariable(String),
    /// The URL of a service that itest has started. A ledger never contains it, because the service ends with the run.
    OfRun(String),
}

impl Namespace {
    /// A new namespace of the service at an address. `url` is the URL of a service that itest has started.
    pub(super) fn new(address: &Address, url: &str) -> Self {
        let number = RandomState::new().hash_one(std::process::id());
        let url = if let Address::Variable(name) = address {
            Url::InVariable(name.clone())
        } else {
            Url::OfRun(url.to_owned())
        };
        Self { name: format!("{PREFIX}{number:016x}"), url }
    }

    /// The name: `itest_` and 16 characters of `0-9` and `a-f`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of the service, with its password.
    ///
    /// # Errors
    ///
    /// When the variable with the URL is not set any more.
    pub fn url(&self) -> Result<String, Error> {
        match &self.url {
            Url::InVariable(name) => url_of(name),
            Url::OfRun(url) => Ok(url.clone()),
        }
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Namespace").field("name", &self.name).finish_non_exhaustive()
    }
}
