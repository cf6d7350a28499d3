//! The settings of the history of past runs.

use super::setting::{Access, Setting, Shape};
use super::values::{SettingValue, duration};
use crate::history::Address;
use crate::model::{Secret, redacted};

/// `--history-url`
pub(super) const HISTORY_URL: Setting = Setting {
    key: "history-url",
    shape: Shape::Value("URL"),
    help: "The database of past runs: sqlite:FILE, or postgres://USER@HOST/DATABASE",
    default: Some("target/itest/history.sqlite"),
    access: Access::Run {
        set: |config, text| {
            config.history_url = match text {
                "" => None,
                url => Some(Address::parse(url).map(|_| Secret::new(url))?),
            };
            Ok(())
        },
        show: |config| {
            let url = config.history_url.as_ref().map_or("", Secret::expose);
            let shown = redacted(url).into_owned();
            if shown == url { SettingValue::Text(shown) } else { SettingValue::Redacted(shown) }
        },
    },
    ..Setting::PLAIN
};

/// `--history-keep`
pub(super) const HISTORY_KEEP: Setting = Setting {
    key: "history-keep",
    shape: Shape::Value("DURATION"),
    help: "How long this database keeps past runs, such as 30days",
    default: Some("90days"),
    access: Access::Run {
        set: |config, text| duration(text).map(|keep| config.history_keep = keep),
        show: |config| SettingValue::duration(config.history_keep),
    },
    ..Setting::PLAIN
};
