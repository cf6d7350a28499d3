//! How long a server that itest has started stays.

use std::fmt;
use std::time::Duration;

use itest_runtime::__private::duration_in_words;
use serde::{Deserialize, Serialize};

/// How long a server that itest has started stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Lifetime {
    /// The server ends with the run, so nothing on it needs to be dropped.
    #[default]
    Run,
    /// The server stays for this time after the run, for the next run, which must find it clean.
    Kept(Duration),
}

impl fmt::Display for Lifetime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => Ok(()),
            Self::Kept(time) => write!(formatter, ", which stays for {} after this run", duration_in_words(*time)),
        }
    }
}
