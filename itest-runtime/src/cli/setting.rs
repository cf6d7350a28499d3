//! What a setting is.

use super::values::SettingValue;
use crate::model::RunConfig;

/// How a setting looks on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `--key VALUE`
    Value(&'static str),
    /// `--key[=VALUE]`, and the value that stands for none.
    Optional(&'static str, &'static str),
    /// `--key`, or `--key=false` to take it back.
    Switch,
    /// libtest-mimic's own argument; it is read by the contract.
    Inherited,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// `fail-fast`: the flag and the key; the variable is `ITEST_FAIL_FAST`.
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    pub(super) help: &'static str,
    /// Takes the text of a value, or says what was expected.
    pub(super) set: fn(&mut RunConfig, &str) -> Result<(), String>,
    /// The value, from which `set` gives the same configuration.
    pub(super) show: fn(&RunConfig) -> SettingValue,
}

impl Setting {
    /// The setting's variable.
    pub(super) fn variable(&self) -> String {
        format!("ITEST_{}", self.key.replace('-', "_").to_uppercase())
    }

    /// Puts a value into a configuration. An empty text stands for the setting's default.
    ///
    /// # Errors
    ///
    /// What was expected, where the text means nothing.
    pub(super) fn apply(&self, config: &mut RunConfig, text: &str, defaults: &RunConfig) -> Result<(), String> {
        if text.is_empty() { (self.set)(config, (self.show)(defaults).as_text()) } else { (self.set)(config, text) }
    }
}
