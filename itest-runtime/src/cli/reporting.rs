//! The settings of reports, records and output.

#[cfg(feature = "coverage")]
use super::coverage_settings::{BASELINE, EXPECTED, MINIMUM, REPORT, UNUSED_COVERS};
#[cfg(feature = "history")]
use super::history_settings::{HISTORY_KEEP, HISTORY_URL};
use super::mode::ModeKind;
use super::setting::{Access, Setting, Shape};
use super::values::{SettingValue, one_of, path, switch};
use crate::model::{Annotations, Capture, Color, Format, ShowOutput};

// The values of settings that accept one of a few words.
const FORMATS: [(&str, Format); 4] = [
    ("pretty", Format::Pretty),
    ("terse", Format::Terse),
    ("json", Format::Json),
    ("libtest-json", Format::LibtestJson),
];

const ANNOTATIONS: [(&str, Annotations); 3] =
    [("auto", Annotations::Auto), ("github", Annotations::Github), ("none", Annotations::Nothing)];

const COLORS: [(&str, Color); 3] = [("auto", Color::Auto), ("always", Color::Always), ("never", Color::Never)];

/// These settings, in the order in which help and `--print-config` show them.
pub(super) static REPORTING: &[Setting] = &[
    Setting {
        key: "record",
        shape: Shape::Value("FILE"),
        help: "Write the record of the run to this file",
        default: Some("target/itest/records"),
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| {
                config.record = path(text);
                Ok(())
            },
            show: |config| SettingValue::path(config.record.as_deref()),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "records",
        shape: Shape::Value("N"),
        help: "The number of records to keep; with 0 no run is recorded",
        access: Access::Run {
            set: |config, text| {
                let number = text.parse().map_err(|_| "expected a whole number, 0 for none".to_owned());
                number.map(|records| config.records = records)
            },
            show: |config| SettingValue::bare(config.records),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "annotations",
        shape: Shape::Value("auto|github|none"),
        help: "Annotate failures, flaky tests and leaks in GitHub's interface",
        default: Some("auto: only on GitHub Actions"),
        access: Access::Run {
            set: |config, text| one_of(text, &ANNOTATIONS).map(|annotations| config.annotations = annotations),
            show: |config| SettingValue::word(&config.annotations, &ANNOTATIONS),
        },
        ..Setting::PLAIN
    },
    #[cfg(feature = "coverage")]
    REPORT,
    #[cfg(feature = "coverage")]
    EXPECTED,
    #[cfg(feature = "coverage")]
    MINIMUM,
    #[cfg(feature = "coverage")]
    BASELINE,
    #[cfg(feature = "coverage")]
    UNUSED_COVERS,
    #[cfg(feature = "history")]
    HISTORY_URL,
    #[cfg(feature = "history")]
    HISTORY_KEEP,
    #[cfg(feature = "tracing")]
    Setting {
        key: "log",
        shape: Shape::Value("FILTER"),
        help: "Which `tracing` events are shown with a test, such as info,shop=debug",
        access: Access::Run {
            set: |config, text| {
                crate::process::check_trace_filter(text)?;
                text.clone_into(&mut config.log);
                Ok(())
            },
            show: |config| SettingValue::text(config.log.as_str()),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "no-capture",
        shape: Shape::Inherited,
        help: "Let the tests write to stdout and stderr directly",
        access: Access::Run {
            set: |config, text| {
                switch(text).map(|on| config.capture = if on { Capture::Inherited } else { Capture::Captured })
            },
            show: |config| SettingValue::bare(config.capture == Capture::Inherited),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "show-output",
        shape: Shape::Inherited,
        help: "Show the captured output of passed tests too",
        access: Access::Run {
            set: |config, text| {
                switch(text).map(|on| config.show_output = if on { ShowOutput::All } else { ShowOutput::Failures })
            },
            show: |config| SettingValue::bare(config.show_output == ShowOutput::All),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "format",
        shape: Shape::Inherited,
        help: "The format of the report",
        access: Access::Run {
            set: |config, text| one_of(text, &FORMATS).map(|format| config.format = format),
            show: |config| SettingValue::word(&config.format, &FORMATS),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "color",
        shape: Shape::Inherited,
        help: "Colour the report",
        default: Some("auto: only on a terminal"),
        access: Access::Run {
            set: |config, text| one_of(text, &COLORS).map(|color| config.color = color),
            show: |config| SettingValue::word(&config.color, &COLORS),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "report-time",
        shape: Shape::Switch,
        help: "Print the duration of each test",
        access: Access::Run {
            set: |config, text| switch(text).map(|on| config.report_time = on),
            show: |config| SettingValue::bare(config.report_time),
        },
        ..Setting::PLAIN
    },
];
