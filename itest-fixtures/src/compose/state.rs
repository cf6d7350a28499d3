//! The state of a service's container: ready, not ready yet, or failed.

use testcontainers::bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status, Health, HealthStatusEnum,
    RestartPolicyNameEnum,
};

/// The state of a service's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It runs, and its health check, if it has one, succeeds.
    Running(HealthCheck),
    /// It has ended with exit code 0: a service that runs once.
    Completed,
    /// It may become ready; the text says what is missing.
    NotReady(String),
    /// It does not become ready, for this reason.
    Failed(String),
}

/// Whether a container has a health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HealthCheck {
    /// It has one, which succeeds.
    Succeeds,
    /// It has none.
    None,
}

impl State {
    /// The state that the engine reports of a container.
    pub(super) fn of(container: &ContainerInspectResponse) -> Self {
        let Some(state) = &container.state else { return Self::NotReady("has no state".to_owned()) };
        match state.status {
            Some(Status::RUNNING) => of_running(state.health.as_ref()),
            Some(Status::EXITED | Status::DEAD) => of_ended(state, is_started_again(container)),
            Some(Status::RESTARTING) => Self::NotReady(format!("{}, and is started again", how_it_ended(state))),
            Some(status) => Self::NotReady(format!("is {status}")),
            None => Self::NotReady("has no state".to_owned()),
        }
    }
}

fn of_running(health: Option<&Health>) -> State {
    let Some(health) = health else { return State::Running(HealthCheck::None) };
    let last = health.log.as_ref().and_then(|log| log.last()?.output.as_deref()).map(str::trim).unwrap_or_default();
    let last = if last.is_empty() { String::new() } else { format!(" (its last output: {last})") };
    match health.status {
        Some(HealthStatusEnum::HEALTHY) => State::Running(HealthCheck::Succeeds),
        Some(HealthStatusEnum::STARTING) => State::NotReady(format!("has not passed its health check yet{last}")),
        Some(HealthStatusEnum::UNHEALTHY) => State::Failed(format!("is unhealthy: its health check fails{last}")),
        _ => State::Running(HealthCheck::None),
    }
}

fn of_ended(state: &ContainerState, is_started_again: bool) -> State {
    match state.exit_code {
        Some(0) => State::Completed,
        _ if is_started_again => State::NotReady(format!("{}, and is started again", how_it_ended(state))),
        _ => State::Failed(how_it_ended(state)),
    }
}

/// How a container ended, for a message about its service: `ended with exit code 3`.
pub(super) fn how_it_ended(state: &ContainerState) -> String {
    let memory = if state.oom_killed == Some(true) { " (it used more memory than it may)" } else { "" };
    let error = state.error.as_deref().filter(|error| !error.is_empty());
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    format!("ended with exit code {}{memory}{error}", state.exit_code.unwrap_or_default())
}

/// Whether the engine starts the container again when it fails.
fn is_started_again(container: &ContainerInspectResponse) -> bool {
    let policy = container.host_config.as_ref().and_then(|config| config.restart_policy.as_ref()?.name);
    matches!(
        policy,
        Some(RestartPolicyNameEnum::ALWAYS | RestartPolicyNameEnum::ON_FAILURE | RestartPolicyNameEnum::UNLESS_STOPPED)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn state(state: &Value, policy: &str) -> State {
        let container = json!({"State": state, "HostConfig": {"RestartPolicy": {"Name": policy}}});
        State::of(&serde_json::from_value(container).unwrap())
    }

    #[test]
    fn running_container_is_ready_unless_its_health_check_fails() {
        let health = |status: &str| {
            let log = json!([{"ExitCode": 1, "Output": "connection refused\n"}]);
            state(&json!({"Status": "running", "Health": {"Status": status, "Log": log}}), "no")
        };
        assert_eq!(state(&json!({"Status": "running"}), "no"), State::Running(HealthCheck::None));
        assert_eq!(health("none"), State::Running(HealthCheck::None));
        assert_eq!(health("healthy"), State::Running(HealthCheck::Succeeds));
        let text = "is unhealthy: its health check fails (its last output: connection refused)";
        assert_eq!(health("unhealthy"), State::Failed(text.to_owned()));
        assert!(matches!(health("starting"), State::NotReady(_)));
    }

    #[test]
    fn ended_container_is_complete_or_failed_or_started_again() {
        let ended = |code, policy| state(&json!({"Status": "exited", "ExitCode": code}), policy);
        assert_eq!(ended(0, "no"), State::Completed);
        assert_eq!(ended(3, "no"), State::Failed("ended with exit code 3".to_owned()));
        assert!(matches!(ended(3, "on-failure"), State::NotReady(_)));
        let killed = state(&json!({"Status": "exited", "ExitCode": 137, "OOMKilled": true}), "no");
        assert_eq!(killed, State::Failed("ended with exit code 137 (it used more memory than it may)".to_owned()));
    }

    #[test]
    fn created_container_is_not_ready() {
        assert_eq!(state(&json!({"Status": "created"}), "no"), State::NotReady("is created".to_owned()));
    }
}
