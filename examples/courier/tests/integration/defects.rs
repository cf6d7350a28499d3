//! The answer key of the defects on purpose, and which of them a test has.
//!
//! The suite runs without defects, unless `COURIER_DEFECT` names one, or is `each`: then each test that the key names has its own defect, so
//! that one run shows all of them.

use std::collections::{BTreeMap, BTreeSet};

use courier::Defect;
use itest::TestInfo;
use itest::prelude::*;
use serde::Deserialize;

/// The variable that switches defects on.
pub(crate) const VARIABLE: &str = "COURIER_DEFECT";

/// The value with which each test of the key has its own defect.
pub(crate) const EACH: &str = "each";

/// What a defect causes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Effect {
    /// The test that fails.
    pub(crate) test: String,
    /// The phases in which something fails.
    pub(crate) phases: BTreeSet<String>,
    /// A part of what the report says.
    pub(crate) message: String,
}

/// Reads the answer key.
pub(crate) fn read_key() -> Result<BTreeMap<Defect, Effect>> {
    Ok(toml::from_str(include_str!("../../defects.toml"))?)
}

/// The defect that the services of a test have.
pub(crate) fn defect_of(info: &TestInfo) -> Result<Option<Defect>> {
    match std::env::var(VARIABLE).as_deref() {
        Err(_) => Ok(None),
        Ok(EACH) => {
            let id = info.id().to_string();
            Ok(read_key()?.into_iter().find(|(_, effect)| effect.test == id).map(|(defect, _)| defect))
        }
        Ok(name) => Ok(Some(Defect::parse(name)?)),
    }
}
