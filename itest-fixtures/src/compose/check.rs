//! Checks whether the services that were running are still running.

use itest_runtime::Error;

use super::engine::{LogPart, ProjectInEngine};
use super::services::Services;
use super::startup::failed_service;
use super::state::how_it_ended;

/// The services of a project as they are now.
///
/// # Errors
///
/// When the engine does not answer.
pub(super) async fn current_services(before: &Services, engine: &ProjectInEngine) -> Result<Services, Error> {
    Ok(Services::of(&before.file, before.host, &engine.containers().await?))
}

/// The error of a service that was running and is not running any more, with the end of its log.
///
/// # Errors
///
/// When the engine does not answer.
pub(super) async fn ended_service(
    before: &Services,
    now: &Services,
    engine: &ProjectInEngine,
) -> Result<Option<Error>, Error> {
    for (service, container) in before.containers().filter(|(_, container)| container.is_running) {
        if now.containers().any(|(_, other)| other.name == container.name && other.is_running) {
            continue;
        }
        let reason = match engine.inspect(&container.name).await?.and_then(|details| details.state) {
            Some(state) if state.paused == Some(true) => "is paused".to_owned(),
            // The engine has started it again in the meantime.
            Some(state) if state.running == Some(true) => continue,
            Some(state) if state.exit_code == Some(0) && !container.is_server() => continue,
            Some(state) => how_it_ended(&state),
            None => "was removed".to_owned(),
        };
        let log = engine.log(&container.name, LogPart::End).await;
        return Ok(Some(failed_service(&before.file, service, &reason, &log)));
    }
    Ok(None)
}
