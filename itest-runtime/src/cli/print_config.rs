//! `--print-config`: every setting, its value and its source, as an `itest.toml`.

use std::fmt::Write;

use super::resolve::Resolved;
use super::settings::all;

/// The configuration as text that could be a file.
pub(super) fn print_config(resolved: &Resolved) -> String {
    let mut text = format!("[profile.{}]\n", resolved.profile);
    for setting in all() {
        let value = (setting.show)(&resolved.config);
        let source = resolved.sources.get(setting.key).map_or("default", String::as_str);
        // A comment ends at the end of its line, whatever the source contains.
        let source = source.escape_debug();
        let line = if value.is_empty() { format!("# {} =", setting.key) } else { format!("{} = {value}", setting.key) };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line:<28} # {source}");
    }
    text
}
