//! Refuses settings and filters of the command line that have no effect in the chosen mode, because the user expects an effect.

use super::command_line::CommandLine;
use super::settings::find;
use crate::model::{UsageError, redacted};

/// Refuses settings and filters of the command line that have no effect in the chosen mode. Variables and files are meant for all runs
/// and are never refused.
///
/// # Errors
///
/// The first setting or filter without effect.
pub(super) fn refuse_words_without_effect(line: &CommandLine) -> Result<(), UsageError> {
    let mode = line.mode.kind();
    let refused = |given: &str| {
        UsageError::new(redacted(given), format!("has no effect with {}: {}", mode.flag(), mode.reason()))
    };
    for given in line.settings.iter().filter(|given| !given.is_default()) {
        if find(given.key).is_some_and(|setting| setting.without_effect_in.contains(&mode)) {
            return Err(refused(&given.place));
        }
    }
    match line.filters.first() {
        Some(filter) if mode.takes_no_filters() => Err(refused(filter)),
        _ => Ok(()),
    }
}
