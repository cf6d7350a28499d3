//! What a run does with violations of contracts: `--contracts`.

use itest_runtime::__private::{FixtureSetting, SettingShape, inventory, variable};

inventory::submit! {
    FixtureSetting {
        key: "contracts",
        shape: SettingShape::Value("fail|warn|ignore"),
        help: "What an exchange does that breaks its contract: fail the test, add a warning, or nothing",
        default_text: "fail",
    }
}

const VARIABLE: &str = "ITEST_CONTRACTS";

/// What a run does with violations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Fail,
    Warn,
    Ignore,
}

impl Mode {
    /// The mode of this run.
    ///
    /// # Errors
    ///
    /// When the setting has no valid value.
    pub(crate) fn of_run() -> Result<Self, String> {
        Self::of(variable(VARIABLE).as_deref())
    }

    fn of(setting: Option<&str>) -> Result<Self, String> {
        match setting.unwrap_or_default() {
            "" | "fail" => Ok(Self::Fail),
            "warn" => Ok(Self::Warn),
            "ignore" => Ok(Self::Ignore),
            other => Err(format!("--contracts={other} is not valid; it is `fail`, `warn` or `ignore`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_values_are_valid() {
        assert_eq!(Mode::of(None), Ok(Mode::Fail));
        assert_eq!(Mode::of(Some("warn")), Ok(Mode::Warn));
        assert_eq!(Mode::of(Some("ignore")), Ok(Mode::Ignore));
        assert!(Mode::of(Some("wran")).unwrap_err().contains("it is `fail`, `warn` or `ignore`"));
    }
}
