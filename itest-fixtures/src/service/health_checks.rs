//! Health checks of a private server of the run, which recognize a server that hangs.

use std::time::Duration;

use itest_runtime::__private::{FixtureSetting, SettingShape, inventory, parse_duration, variable};
use itest_runtime::{Error, RunningProgram};
use tokio::time::timeout;

use super::address::Address;
use super::definition::Service;

/// The variable with the time limit of a health check.
const VARIABLE: &str = "ITEST_HEALTH_CHECK_TIMEOUT";

/// How long a server may take to answer a health check, even on a machine under load.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between two probes of one health check.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A server that leaves this number of health checks in a row unanswered hangs.
const MAX_UNANSWERED: u32 = 2;

inventory::submit! {
    FixtureSetting {
        key: "health-check-timeout",
        shape: SettingShape::Value("DURATION"),
        help: "How long a server that itest has started for the run may take to answer a health check; itest kills a server that leaves two of them unanswered, and starts it again",
        default_text: "10s",
    }
}

/// The health checks of the servers of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HealthChecks {
    timeout: Duration,
}

impl HealthChecks {
    /// The health checks with the time limit that the user has set.
    ///
    /// # Errors
    ///
    /// When the setting is no length of time.
    pub(super) fn of_run() -> Result<Self, Error> {
        Self::with_timeout(variable(VARIABLE).as_deref())
    }

    fn with_timeout(setting: Option<&str>) -> Result<Self, Error> {
        let Some(text) = setting.filter(|text| !text.is_empty()) else { return Ok(Self { timeout: DEFAULT_TIMEOUT }) };
        let timeout =
            parse_duration(text).map_err(|reason| Error::new(format!("{VARIABLE} is `{text}`, but {reason}")))?;
        Ok(Self { timeout })
    }

    /// Checks the server of a program regularly, until it hangs. Returns the reason for which it is considered to hang.
    pub(super) async fn hang<S: Service>(self, address: &Address, program: &RunningProgram) -> String {
        let mut unanswered = 0;
        while unanswered < MAX_UNANSWERED {
            if unanswered == 0 {
                tokio::time::sleep(self.pause()).await;
            }
            match timeout(self.timeout, answer::<S>(address, program)).await {
                Ok(()) => unanswered = 0,
                Err(_) => unanswered += 1,
            }
        }
        format!("it left {MAX_UNANSWERED} health checks unanswered for {:?} each", self.timeout)
    }

    /// The pause between two checks of a server that answers.
    fn pause(self) -> Duration {
        self.timeout / 2
    }
}

/// Waits until a server answers. A refusal is an answer: a server without a free connection does not hang.
async fn answer<S: Service>(address: &Address, program: &RunningProgram) {
    // The probe of a suite may have a time limit of its own, so its error is not the answer of a server that a signal has stopped.
    while S::probe(address).await.is_err() && program.is_paused() {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_checks_have_ten_seconds_unless_a_setting_says_otherwise() {
        let timeout = |setting| HealthChecks::with_timeout(setting).map(|checks| checks.timeout);
        assert_eq!(timeout(None).unwrap(), Duration::from_secs(10));
        assert_eq!(timeout(Some("")).unwrap(), Duration::from_secs(10));
        assert_eq!(timeout(Some("500ms")).unwrap(), Duration::from_millis(500));
        let error = timeout(Some("ten")).unwrap_err().to_string();
        assert!(error.starts_with("ITEST_HEALTH_CHECK_TIMEOUT is `ten`, but expected a length of time"), "{error}");
    }
}
