//! The settings of fixtures, as the processes of a run receive them.

use super::environment::Environment;
use super::setting::Setting;
use super::settings::OF_FIXTURES;
use crate::model::RunConfig;

/// The values of all fixtures' settings, by variable. A setting without a value has an empty one where its variable is set, because the
/// processes of the run inherit that variable.
pub(super) fn fixture_settings(config: &RunConfig, environment: &Environment) -> Vec<(String, String)> {
    let value = |setting: &Setting| {
        let variable = setting.variable();
        let value = config.fixtures.get(setting.key).cloned();
        let value = value.or_else(|| environment.find(&variable).map(|_| String::new()))?;
        Some((variable, value))
    };
    OF_FIXTURES.iter().filter_map(value).collect()
}
