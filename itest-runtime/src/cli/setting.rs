//! The definition of a setting, from which the command line, the environment, `itest.toml`, `--help` and the documentation are derived.

use std::path::PathBuf;

use super::mode::ModeKind;
use super::values::SettingValue;
use super::values::{path, switch};
use crate::inject::{FixtureSetting, SettingShape, variable_of};
use crate::model::{RunConfig, redacted};
use crate::report::FileReport;

/// How a setting looks on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `--key VALUE`
    Value(&'static str),
    /// `--key[=VALUE]`. The second text is the value of `--key` alone.
    Optional(&'static str, &'static str),
    /// `--key`, or `--key=false` to turn it off.
    Switch,
    /// An argument of libtest-mimic, which `command_line` reads.
    Inherited,
}

/// Whether a setting affects the run or each single test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The setting affects the selection, the order, the number of runs, or the report.
    Run,
    /// The setting affects the result of a test, so the command that repeats a single test must have it as well.
    Test,
}

/// A setting that another setting, while it is on, restricts to one value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exclusion {
    pub(super) other: &'static str,
    /// The only value that is allowed.
    pub(super) allowed: &'static str,
    /// The end of the message, behind the flag that excludes the value.
    pub(super) reason: &'static str,
}

/// Where the value of a setting is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Access {
    /// In a field of the configuration.
    Run {
        /// Takes the text of a value, or says what was expected.
        set: fn(&mut RunConfig, &str) -> Result<(), String>,
        /// The value, from which `set` gives the same configuration.
        show: fn(&RunConfig) -> SettingValue,
    },
    /// In the list of the run's report files.
    Report(&'static FileReport),
    /// Among the settings of fixtures, which the runtime passes on without understanding them.
    Fixture(&'static FixtureSetting),
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// `fail-fast`: the flag and the key; the variable is `ITEST_FAIL_FAST`.
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    pub(super) help: &'static str,
    /// The description of the default for `--help`, if the default value alone would not be clear.
    pub(super) default: Option<&'static str>,
    pub(super) scope: Scope,
    /// The command line refuses the setting in these modes.
    pub(super) without_effect_in: &'static [ModeKind],
    /// The settings that this one restricts while it is on.
    pub(super) excludes: &'static [Exclusion],
    pub(super) access: Access,
}

impl Setting {
    /// The values that most settings have in common.
    pub(super) const PLAIN: Self = Self {
        key: "",
        shape: Shape::Switch,
        help: "",
        default: None,
        scope: Scope::Run,
        without_effect_in: &[],
        excludes: &[],
        access: Access::Run { set: |_, _| Ok(()), show: |_| SettingValue::Bare(String::new()) },
    };

    /// A setting that a fixture declares.
    pub(super) fn of_fixture(fixture: &'static FixtureSetting) -> Self {
        let shape = match fixture.shape {
            SettingShape::Switch => Shape::Switch,
            SettingShape::Value(name) => Shape::Value(name),
            SettingShape::Optional(name, missing) => Shape::Optional(name, missing),
        };
        let default = Some(fixture.default_text).filter(|text| !text.is_empty());
        Self { key: fixture.key, shape, help: fixture.help, default, access: Access::Fixture(fixture), ..Self::PLAIN }
    }

    /// The path of a report file.
    pub(super) fn of_report(report: &'static FileReport) -> Self {
        Self {
            key: report.key,
            shape: Shape::Value("FILE"),
            help: report.help,
            without_effect_in: ModeKind::SEARCHES,
            access: Access::Report(report),
            ..Self::PLAIN
        }
    }

    /// The setting's variable.
    pub(super) fn variable(&self) -> String {
        variable_of(self.key)
    }

    /// Puts the text of a value into a configuration.
    ///
    /// # Errors
    ///
    /// What was expected, where the text is no value of the setting.
    pub(super) fn set(&self, config: &mut RunConfig, text: &str) -> Result<(), String> {
        match self.access {
            Access::Run { set, .. } => set(config, text),
            Access::Report(report) => {
                config.reports.remove(report.key);
                config.reports.extend(path(text).map(|path| (report.key, path)));
                Ok(())
            }
            Access::Fixture(fixture) => {
                let value = match fixture.shape {
                    SettingShape::Switch if !text.is_empty() => switch(text)?.then_some("true"),
                    _ => Some(text).filter(|text| !text.is_empty()),
                };
                config.fixtures.remove(fixture.key);
                config.fixtures.extend(value.map(|value| (fixture.key, value.to_owned())));
                Ok(())
            }
        }
    }

    /// Puts a value into a configuration. An empty text stands for the setting's default.
    ///
    /// # Errors
    ///
    /// What was expected, where the text is no value of the setting.
    pub(super) fn apply(&self, config: &mut RunConfig, text: &str, defaults: &RunConfig) -> Result<(), String> {
        if text.is_empty() && !matches!(self.access, Access::Fixture(_)) {
            return self.set(config, self.show(defaults).as_text());
        }
        self.set(config, text)
    }

    /// The value that a configuration has, from which [`Self::set`] gives the same configuration.
    pub(super) fn show(&self, config: &RunConfig) -> SettingValue {
        match self.access {
            Access::Run { show, .. } => show(config),
            Access::Report(report) => SettingValue::path(config.reports.get(report.key).map(PathBuf::as_path)),
            Access::Fixture(fixture) => {
                let value = config.fixtures.get(fixture.key).map_or("", String::as_str);
                match fixture.shape {
                    SettingShape::Switch => SettingValue::bare(value == "true"),
                    SettingShape::Value(_) | SettingShape::Optional(..) => SettingValue::without_secrets(value),
                }
            }
        }
    }

    /// The text of `--help` about the setting.
    pub(super) fn help_text(&self, defaults: &RunConfig) -> String {
        let value = self.show(defaults);
        let default = match self.default {
            Some(default) => default,
            None if self.shape == Shape::Switch => "",
            None => value.as_text(),
        };
        if default.is_empty() { self.help.to_owned() } else { format!("{} [default: {default}]", self.help) }
    }
}

impl SettingValue {
    /// A text, without the secrets in it.
    pub(super) fn without_secrets(text: &str) -> Self {
        let shown = redacted(text);
        if shown == text { Self::Text(shown.into_owned()) } else { Self::Redacted(shown.into_owned()) }
    }
}
