//! What a run does with recordings: `--record-stand-ins`.

use itest_runtime::__private::{FixtureSetting, SettingShape, inventory, variable};

inventory::submit! {
    FixtureSetting {
        key: "record-stand-ins",
        shape: SettingShape::Optional("new|again", "new"),
        help: "Record what the real services of stand-ins answer: new requests only, or all requests again",
        default_text: "",
    }
}

const VARIABLE: &str = "ITEST_RECORD_STAND_INS";

/// What a run does with recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordingMode {
    /// Recordings are read, and no request reaches a real service.
    Replay,
    /// The real service answers what a recording does not have. The recording keeps what it has.
    AddNew,
    /// The real service answers everything, and the recording is written anew.
    Rewrite,
}

impl RecordingMode {
    /// The mode of this run.
    ///
    /// # Errors
    ///
    /// When the setting has no valid value, or asks for a recording in CI.
    pub(super) fn of_run() -> Result<Self, String> {
        Self::of(variable(VARIABLE).as_deref(), variable("CI").as_deref())
    }

    /// The mode that a value of the setting requests, with the value of the variable `CI`.
    ///
    /// A run in CI does not record: the files would be lost with its checkout, and a test without its recording would pass.
    fn of(setting: Option<&str>, ci: Option<&str>) -> Result<Self, String> {
        let mode = match setting.unwrap_or_default() {
            "" | "false" | "0" => return Ok(Self::Replay),
            "new" | "true" | "1" => Self::AddNew,
            "again" => Self::Rewrite,
            other => return Err(format!("--record-stand-ins={other} is not valid; it is `new` or `again`")),
        };
        match ci {
            None | Some("" | "false" | "0") => Ok(mode),
            Some(_) => {
                Err("--record-stand-ins is refused because the variable CI is set: record on a development machine, \
                 and commit the recordings"
                    .to_owned())
            }
        }
    }

    pub(super) fn is_recording(self) -> bool {
        self != Self::Replay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recording_is_refused_in_ci() {
        for ci in [None, Some("false"), Some("0"), Some("")] {
            assert_eq!(RecordingMode::of(Some("new"), ci), Ok(RecordingMode::AddNew), "{ci:?}");
        }
        for ci in ["true", "1", "woodpecker"] {
            assert!(RecordingMode::of(Some("new"), Some(ci)).unwrap_err().contains("CI is set"), "{ci}");
            assert_eq!(RecordingMode::of(None, Some(ci)), Ok(RecordingMode::Replay), "{ci}");
        }
        assert_eq!(RecordingMode::of(Some("again"), None), Ok(RecordingMode::Rewrite));
        assert!(RecordingMode::of(Some("agian"), None).unwrap_err().contains("it is `new` or `again`"));
    }
}
