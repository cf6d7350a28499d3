//! The settings of the coverage of integration points.

use std::path::{Path, PathBuf};

use super::mode::ModeKind;
use super::setting::{Access, Setting, Shape};
use super::values::{SettingValue, one_of, path};
use crate::model::UnusedCovers;

const UNUSED: [(&str, UnusedCovers); 2] = [("warn", UnusedCovers::Warn), ("fail", UnusedCovers::Fail)];

/// `--covers`
pub(super) const COVERS: Setting = Setting {
    key: "covers",
    shape: Shape::Value("POINT"),
    help: "Run only tests that declare an integration point, such as 'POST /orders', or one that begins with it, such as 'call payments'",
    without_effect_in: &[ModeKind::Report],
    access: Access::Run {
        set: |config, text| {
            config.selection.covers = Some(text.to_owned()).filter(|text| !text.is_empty());
            Ok(())
        },
        show: |config| SettingValue::text(config.selection.covers.as_deref().unwrap_or_default()),
    },
    ..Setting::PLAIN
};

/// `--integration-coverage`
pub(super) const REPORT: Setting = Setting {
    key: "integration-coverage",
    shape: Shape::Value("FILE"),
    help: "Write which integration points the tests have covered to this file, as Markdown (.md) or JSON (.json)",
    without_effect_in: ModeKind::SEARCHES,
    access: Access::Run {
        set: |config, text| report_path(text).map(|file| config.coverage.report = file),
        show: |config| SettingValue::path(config.coverage.report.as_deref()),
    },
    ..Setting::PLAIN
};

/// `--check-integration-coverage`
pub(super) const EXPECTED: Setting = Setting {
    key: "check-integration-coverage",
    shape: Shape::Value("FILE"),
    help: "Fail a green run of the whole suite if its report of --integration-coverage differs from this file",
    without_effect_in: ModeKind::SEARCHES,
    access: Access::Run {
        set: |config, text| report_path(text).map(|file| config.coverage.expected = file),
        show: |config| SettingValue::path(config.coverage.expected.as_deref()),
    },
    ..Setting::PLAIN
};

/// `--min-integration-coverage`
pub(super) const MINIMUM: Setting = Setting {
    key: "min-integration-coverage",
    shape: Shape::Value("PERCENT"),
    help: "Fail a run of the whole suite if it covers less than this percentage of the integration points",
    default: Some("none"),
    without_effect_in: ModeKind::SEARCHES,
    access: Access::Run {
        set: |config, text| {
            config.coverage.min_percent = match text {
                "" => None,
                text => match text.trim_end_matches('%').trim_end().parse() {
                    Ok(percent) if percent <= 100 => Some(percent),
                    _ => return Err("expected a whole number from 0 to 100".to_owned()),
                },
            };
            Ok(())
        },
        show: |config| match config.coverage.min_percent {
            Some(percent) => SettingValue::bare(percent),
            None => SettingValue::text(""),
        },
    },
    ..Setting::PLAIN
};

/// `--integration-baseline`
pub(super) const BASELINE: Setting = Setting {
    key: "integration-baseline",
    shape: Shape::Value("FILE"),
    help: "Fail a run of the whole suite if it does not cover a point that is covered in this report of --integration-coverage (.json)",
    without_effect_in: ModeKind::SEARCHES,
    access: Access::Run {
        set: |config, text| {
            config.coverage.baseline = path(text);
            Ok(())
        },
        show: |config| SettingValue::path(config.coverage.baseline.as_deref()),
    },
    ..Setting::PLAIN
};

/// `--unused-covers`
pub(super) const UNUSED_COVERS: Setting = Setting {
    key: "unused-covers",
    shape: Shape::Value("warn|fail"),
    help: "Whether the run fails if a test passes without using a point that it declares with `covers`",
    without_effect_in: ModeKind::SEARCHES,
    access: Access::Run {
        set: |config, text| one_of(text, &UNUSED).map(|unused| config.coverage.unused = unused),
        show: |config| SettingValue::word(&config.coverage.unused, &UNUSED),
    },
    ..Setting::PLAIN
};

fn report_path(text: &str) -> Result<Option<PathBuf>, String> {
    let file = path(text);
    if file.as_deref().is_some_and(|file| CoverageFormat::of(file).is_none()) {
        return Err("expected a file whose name ends in .md or .json".to_owned());
    }
    Ok(file)
}

/// The format of a report, which the ending of its file's name chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CoverageFormat {
    Markdown,
    Json,
}

impl CoverageFormat {
    /// The format of a file. None if its name has another ending.
    pub(super) fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "md" => Some(Self::Markdown),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}
