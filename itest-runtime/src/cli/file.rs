//! The configuration file `itest.toml`: profiles of settings, and the quarantine.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::quarantine_entries::quarantine_entries;
use super::setting::Setting;
use super::settings::{GivenSetting, all, find};
use super::values::closest;
use crate::model::{QuarantineEntry, UsageError};

/// The name of the configuration file.
const FILE_NAME: &str = "itest.toml";

/// The profiles of a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Profiles {
    path: PathBuf,
    /// The names of the profiles, and the settings of each in the order of the file.
    by_name: Vec<(String, Vec<GivenSetting>)>,
    pub(super) quarantine: Vec<QuarantineEntry>,
    /// Warnings about keys that this suite does not know.
    pub(super) warnings: Vec<String>,
}

impl Profiles {
    /// Reads the given file, or else the nearest one in `folder` and its parents up to the root of the workspace, if there is one.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not valid TOML, or has an unknown key or an invalid value.
    pub(super) fn find(path: Option<&str>, folder: &Path) -> Result<Self, UsageError> {
        let path = match path {
            Some(path) => PathBuf::from(path),
            None => match nearest(folder) {
                Some(path) => path,
                None => return Ok(Self::default()),
            },
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| UsageError::new(path.display().to_string(), format!("cannot be read: {error}")))?;
        Self::parse(path, &text)
    }

    fn parse(path: PathBuf, text: &str) -> Result<Self, UsageError> {
        let place = |offset: usize| format!("{}:{}", path.display(), line_of(text, offset));
        let document = DeTable::parse(text).map_err(|error| {
            let place = place(error.span().map_or(0, |span| span.start));
            UsageError::new(place, error.message().to_owned())
        })?;
        let mut parsed = Vec::new();
        let (mut quarantine, mut warnings) = (Vec::new(), Vec::new());
        for (name, value) in document.get_ref() {
            let profiles = match (name.get_ref().as_ref(), value.get_ref()) {
                ("profile", DeValue::Table(profiles)) => profiles,
                ("quarantine", list) => {
                    quarantine = quarantine_entries(list, name.span().start, place)?;
                    continue;
                }
                (other, _) => {
                    let what = format!(
                        "unknown key `{other}`; settings belong under [profile.default] or another profile, tests that may fail under [[quarantine]]"
                    );
                    return Err(UsageError::new(place(name.span().start), what));
                }
            };
            for (profile, lines) in profiles {
                let DeValue::Table(lines) = lines.get_ref() else {
                    let what =
                        format!("`{}` is not a profile; write [profile.{}]", profile.get_ref(), profile.get_ref());
                    return Err(UsageError::new(place(profile.span().start), what));
                };
                let mut settings = Vec::new();
                for (key, value) in lines {
                    let place = place(key.span().start);
                    match known_setting(key.get_ref(), &place)? {
                        Some(setting) => settings.push(given(setting, value.get_ref(), &place)?),
                        None => warnings.push(format!("{place}: this suite has no setting `{}`", key.get_ref())),
                    }
                }
                parsed.push((profile.get_ref().clone().into_owned(), settings));
            }
        }
        Ok(Self { path, by_name: parsed, quarantine, warnings })
    }

    /// Whether the file has this profile.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.iter().any(|(profile, _)| profile == name)
    }

    /// The settings of a profile, after those of the profile `default`, so that the profile's own have priority.
    ///
    /// # Errors
    ///
    /// When the file does not have this profile; `default` and `ci` may be missing. `requested_by` is the flag or the variable that names
    /// it.
    pub(super) fn settings(&self, name: &str, requested_by: &str) -> Result<Vec<GivenSetting>, UsageError> {
        if !self.has(name) && !["default", "ci"].contains(&name) {
            let names: Vec<_> = self.by_name.iter().map(|(profile, _)| profile.as_str()).collect();
            let available = match names.as_slice() {
                [] => "there is no itest.toml with profiles".to_owned(),
                names => format!("{} has {}", self.path.display(), names.join(", ")),
            };
            return Err(UsageError::new(requested_by, format!("unknown profile `{name}`; {available}")));
        }
        let mut layers = vec!["default"];
        if name != "default" {
            layers.push(name);
        }
        let of = |layer| self.by_name.iter().filter(move |(profile, _)| profile == layer);
        let lines = layers.into_iter().flat_map(of).flat_map(|(_, lines)| lines.iter().cloned()).collect();
        Ok(lines)
    }
}

fn nearest(folder: &Path) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let path = folder.join(FILE_NAME);
        if path.exists() {
            return Some(path);
        }
        if folder.join("Cargo.lock").exists() || folder.join(".git").exists() {
            return None;
        }
    }
    None
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The setting of a key. A key that resembles a known one is a mistake. Any other unknown key is left alone, because several suites share
/// a file, and each has the settings of its own features and fixtures.
fn known_setting(key: &str, place: &str) -> Result<Option<&'static Setting>, UsageError> {
    let setting = find(key);
    match closest(key, all().map(|setting| setting.key)).filter(|_| setting.is_none()) {
        Some(likely) => Err(UsageError::new(place, format!("unknown setting `{key}`; did you mean `{likely}`?"))),
        None => Ok(setting),
    }
}

fn given(setting: &'static Setting, value: &DeValue<'_>, place: &str) -> Result<GivenSetting, UsageError> {
    let key = setting.key;
    let text = match value {
        DeValue::String(text) => Cow::into_owned(text.clone()),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Boolean(on) => on.to_string(),
        _ => return Err(UsageError::new(place, format!("`{key}` takes text, a whole number, or true or false"))),
    };
    Ok(GivenSetting::new(key, format!("{place}: {key}"), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Profiles::parse("itest.toml".into(), text).unwrap_err().to_string()
    }

    #[test]
    fn profile_inherits_the_settings_of_the_default_profile() {
        let text = "[profile.default]\njobs = 2\nslow = \"1s\"\n[profile.ci]\njobs = 4\n";
        let profiles = Profiles::parse("itest.toml".into(), text).unwrap();
        let texts = |name| {
            let lines = profiles.settings(name, "--profile").unwrap();
            lines.into_iter().map(|line| format!("{}={} {}", line.key, line.text, line.place)).collect::<Vec<_>>()
        };
        assert_eq!(texts("default"), ["jobs=2 itest.toml:2: jobs", "slow=1s itest.toml:3: slow"]);
        assert_eq!(
            texts("ci"),
            ["jobs=2 itest.toml:2: jobs", "slow=1s itest.toml:3: slow", "jobs=4 itest.toml:5: jobs"]
        );
        let unknown = profiles.settings("nightly", "--profile nightly").unwrap_err().to_string();
        assert_eq!(unknown, "--profile nightly: unknown profile `nightly`; itest.toml has ci, default");
    }

    #[test]
    fn error_has_a_line_and_a_suggestion() {
        assert_eq!(
            error("[profile.default]\n\njbos = 2\n"),
            "itest.toml:3: unknown setting `jbos`; did you mean `jobs`?"
        );
        let other = Profiles::parse("itest.toml".into(), "[profile.default]\nrabbitmq-image = \"a\"\n").unwrap();
        assert_eq!(other.warnings, ["itest.toml:2: this suite has no setting `rabbitmq-image`"]);
        assert!(error("[profile.default]\njobs = \n").starts_with("itest.toml:2: "));
        assert!(error("jobs = 2\n").contains("settings belong under [profile.default]"));
        assert!(error("[profile]\nci = 3\n").contains("write [profile.ci]"));
        assert!(error("[profile.ci]\njobs = [1]\n").contains("takes text, a whole number"));
    }
}
