//! `itest.toml`: profiles of settings, with the line of each, and the quarantine.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::entries::entries;
use super::settings::{GivenSetting, all, find};
use super::values::closest;
use crate::model::{QuarantineEntry, UsageError};

/// The name that is looked for.
const NAME: &str = "itest.toml";

/// The profiles of a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Profiles {
    path: PathBuf,
    named: Vec<(String, Vec<GivenSetting>)>,
    pub(super) quarantine: Vec<QuarantineEntry>,
}

impl Profiles {
    /// Reads the file that was named, or the nearest one from `folder` up to the workspace's root; without one, nothing.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is no TOML, or has a key or a value that means nothing.
    pub(super) fn find(named: Option<&str>, folder: &Path) -> Result<Self, UsageError> {
        let path = match named {
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
        let mut found = Vec::new();
        let mut quarantine = Vec::new();
        for (name, value) in document.get_ref() {
            let profiles = match (name.get_ref().as_ref(), value.get_ref()) {
                ("profile", DeValue::Table(profiles)) => profiles,
                ("quarantine", list) => {
                    quarantine = entries(list, name.span().start, place)?;
                    continue;
                }
                (other, _) => {
                    let what = format!(
                        "unknown key `{other}`; settings stand under [profile.default] or another profile, tests that may fail under [[quarantine]]"
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
                let lines = lines.iter().map(|(key, value)| {
                    let place = place(key.span().start);
                    setting(key.get_ref(), value.get_ref(), place)
                });
                found.push((profile.get_ref().clone().into_owned(), lines.collect::<Result<_, _>>()?));
            }
        }
        Ok(Self { path, named: found, quarantine })
    }

    /// Whether the file has this profile.
    pub(super) fn has(&self, name: &str) -> bool {
        self.named.iter().any(|(profile, _)| profile == name)
    }

    /// The lines of a profile, those of `default` before its own.
    ///
    /// # Errors
    ///
    /// A profile that was asked for and is not there.
    pub(super) fn lines(&self, name: &str, asked_by: &str) -> Result<Vec<GivenSetting>, UsageError> {
        if !self.has(name) && !["default", "ci"].contains(&name) {
            let names: Vec<_> = self.named.iter().map(|(profile, _)| profile.as_str()).collect();
            let there = match names.as_slice() {
                [] => "there is no itest.toml with profiles".to_owned(),
                names => format!("{} has {}", self.path.display(), names.join(", ")),
            };
            return Err(UsageError::new(asked_by, format!("unknown profile `{name}`; {there}")));
        }
        let mut layers = vec!["default"];
        if name != "default" {
            layers.push(name);
        }
        let of = |layer| self.named.iter().filter(move |(profile, _)| profile == layer);
        let lines = layers.into_iter().flat_map(of).flat_map(|(_, lines)| lines.iter().cloned()).collect();
        Ok(lines)
    }
}

fn nearest(folder: &Path) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let path = folder.join(NAME);
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

fn setting(key: &str, value: &DeValue<'_>, place: String) -> Result<GivenSetting, UsageError> {
    let Some(setting) = find(key) else {
        let likely = closest(key, all().map(|setting| setting.key));
        let hint = likely.map_or_else(
            || "--print-config shows all of them".to_owned(),
            |likely| format!("did you mean `{likely}`?"),
        );
        return Err(UsageError::new(place, format!("unknown setting `{key}`; {hint}")));
    };
    let text = match value {
        DeValue::String(text) => Cow::into_owned(text.clone()),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Boolean(on) => on.to_string(),
        _ => return Err(UsageError::new(place, format!("`{key}` takes text, a whole number, or true or false"))),
    };
    Ok(GivenSetting::new(setting.key, format!("{place}: {key}"), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        Profiles::parse("itest.toml".into(), text).unwrap_err().to_string()
    }

    #[test]
    fn a_profile_inherits_from_the_default_one() {
        let text = "[profile.default]\njobs = 2\nslow = \"1s\"\n[profile.ci]\njobs = 4\n";
        let profiles = Profiles::parse("itest.toml".into(), text).unwrap();
        let texts = |name| {
            let lines = profiles.lines(name, "--profile").unwrap();
            lines.into_iter().map(|line| format!("{}={} {}", line.key, line.text, line.place)).collect::<Vec<_>>()
        };
        assert_eq!(texts("default"), ["jobs=2 itest.toml:2: jobs", "slow=1s itest.toml:3: slow"]);
        assert_eq!(
            texts("ci"),
            ["jobs=2 itest.toml:2: jobs", "slow=1s itest.toml:3: slow", "jobs=4 itest.toml:5: jobs"]
        );
        let unknown = profiles.lines("nightly", "--profile nightly").unwrap_err().to_string();
        assert_eq!(unknown, "--profile nightly: unknown profile `nightly`; itest.toml has ci, default");
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_a_suggestion() {
        assert_eq!(
            complaint("[profile.default]\n\njbos = 2\n"),
            "itest.toml:3: unknown setting `jbos`; did you mean `jobs`?"
        );
        assert!(complaint("[profile.default]\njobs = \n").starts_with("itest.toml:2: "));
        assert!(complaint("jobs = 2\n").contains("settings stand under [profile.default]"));
        assert!(complaint("[profile]\nci = 3\n").contains("write [profile.ci]"));
        assert!(complaint("[profile.ci]\njobs = [1]\n").contains("takes text, a whole number"));
    }
}
