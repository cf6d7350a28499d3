//! The table of all settings in the documentation.

use std::fmt::Write;

use super::defaults::base;
use super::setting::{Scope, Setting, Shape};
use super::settings::all;

/// The settings of this binary as a table in Markdown, for `docs/settings.md`.
#[must_use]
pub fn settings_reference() -> String {
    let defaults = base();
    let mut table = String::from("| flag | variable | what it does |\n|---|---|---|\n");
    for setting in all() {
        let help = setting.help_text(&defaults).replace('|', "\\|");
        let repeated = if setting.scope == Scope::Test { " Commands that repeat one test carry it." } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| `{}` | `{}` | {help}.{repeated}{} |",
            flag(setting),
            setting.variable(),
            refused(setting)
        );
    }
    table
}

fn flag(setting: &Setting) -> String {
    let Setting { key, shape, .. } = setting;
    // A bar would end the cell of the table.
    match shape {
        Shape::Value(name) => format!("--{key} {}", name.replace('|', "\\|")),
        Shape::Optional(name, _) => format!("--{key}[={}]", name.replace('|', "\\|")),
        Shape::Switch | Shape::Inherited => format!("--{key}"),
    }
}

fn refused(setting: &Setting) -> String {
    let modes: Vec<_> = setting.without_effect_in.iter().map(|mode| format!("`{}`", mode.flag())).collect();
    let excluded: Vec<_> = setting.excludes.iter().map(|exclusion| format!("`--{}`", exclusion.other)).collect();
    let mut text = String::new();
    if !modes.is_empty() {
        let _ = write!(text, " It is refused beside {}.", modes.join(", "));
    }
    if !excluded.is_empty() {
        let _ = write!(text, " It excludes {}.", excluded.join(" and "));
    }
    text
}
