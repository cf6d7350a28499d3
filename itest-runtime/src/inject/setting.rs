//! Settings that a fixture declares: the runtime reads their values from the command line, the environment and `itest.toml`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::model::{map_of, sort_by_key};

/// A setting of a fixture.
///
/// Its key, such as `postgres-image`, is its name in `itest.toml` and gives it its flag (`--postgres-image`) and its variable
/// (`ITEST_POSTGRES_IMAGE`). `--help` and `--print-config` show it, and a misspelt name is reported.
#[derive(Debug)]
pub struct FixtureSetting {
    /// The name in `itest.toml`.
    pub key: &'static str,
    /// How the setting looks on the command line.
    pub shape: SettingShape,
    /// What `--help` says of it.
    pub help: &'static str,
    /// What `--help` says of the default. Empty where there is nothing to say.
    pub default_text: &'static str,
}

/// How a fixture's setting looks on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingShape {
    /// On or off.
    Switch,
    /// A text; this is what `--help` calls it.
    Value(&'static str),
    /// A text, which may be left out on the command line. The second text is the value then.
    Optional(&'static str, &'static str),
}

inventory::collect!(FixtureSetting);

impl FixtureSetting {
    /// All settings of the fixtures in this binary, by name.
    pub(crate) fn all() -> Vec<&'static Self> {
        let mut all: Vec<_> = inventory::iter::<Self>.into_iter().collect();
        sort_by_key(&mut all, |setting| setting.key);
        all
    }
}

/// The name of a setting's variable.
pub(crate) fn variable_of(key: &str) -> String {
    format!("ITEST_{}", key.replace('-', "_").to_uppercase())
}

/// The values that the user has given to the settings of fixtures, by variable.
static GIVEN: OnceLock<BTreeMap<String, String>> = OnceLock::new();

/// Gives values to the settings of fixtures in this process. Only the first call has an effect, because a process has one
/// configuration.
pub(crate) fn give_fixture_settings(variables: impl IntoIterator<Item = (String, String)>) {
    let _ = GIVEN.set(map_of(variables));
}

/// The value that was given to a fixture's setting in this process. It takes precedence over the variable of that name.
pub(crate) fn given_fixture_setting(variable: &str) -> Option<&'static str> {
    GIVEN.get()?.get(variable).map(String::as_str)
}

/// All values that were given in this process, as variables of the processes that it starts.
pub(crate) fn given_fixture_settings() -> impl Iterator<Item = (&'static str, &'static str)> {
    GIVEN.get().into_iter().flatten().map(|(variable, value)| (variable.as_str(), value.as_str()))
}
