//! `--print-config`: every setting, its value and its source, as an `itest.toml` that gives the same configuration.

use std::fmt::Write;

use super::resolve::Resolved;
use super::settings::all;
use super::values::{SettingValue, toml_string};
use crate::model::{Quarantine, QuarantineEntry};

/// The configuration as the text of a file.
pub(super) fn print_config(resolved: &Resolved) -> String {
    let mut text = format!("[profile.{}]\n", toml_key(&resolved.profile));
    for setting in all() {
        let value = setting.show(&resolved.config);
        let source = resolved.sources.get(setting.key).map_or("default", String::as_str);
        let line = format!("{} = {}", setting.key, value.to_toml());
        write_line(&mut text, &line, &value, source);
    }
    for entry in &resolved.config.quarantine_entries {
        write_quarantine(&mut text, entry);
    }
    text
}

fn write_line(text: &mut String, line: &str, value: &SettingValue, source: &str) {
    // A comment ends at the end of its line, whatever the source contains.
    let source = source.escape_debug();
    // Writing to a string cannot fail.
    let _ = match value {
        // The line is a comment, because a file with it would set a value without the secret.
        SettingValue::Redacted(_) => writeln!(text, "# {line} # {source}; the secret in it is not printed"),
        _ => writeln!(text, "{line:<28} # {source}"),
    };
}

fn write_quarantine(text: &mut String, entry: &QuarantineEntry) {
    let QuarantineEntry { test, suite, quarantine: Quarantine { owner, reason, until }, place } = entry;
    let until = until.to_string();
    let values = [("test", test), ("owner", owner), ("reason", reason), ("until", &until)];
    let values = values.into_iter().chain(suite.iter().map(|suite| ("suite", suite)));
    let _ = writeln!(text, "\n[[quarantine]] # {}", place.escape_debug());
    for (key, value) in values {
        let _ = writeln!(text, "{key} = {}", toml_string(value));
    }
}

/// A name as a key of TOML, which needs quotes unless it is a plain word.
fn toml_key(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_plain) { name.to_owned() } else { toml_string(name) }
}
