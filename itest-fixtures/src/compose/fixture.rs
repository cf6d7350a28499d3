//! The fixture of a test.

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use itest_runtime::{Error, Teardown, TestInfo};

use super::check::{current_services, ended_service};
use super::definition::Stack;
use super::engine::{LogPart, ProjectInEngine};
use super::project::Project;
use super::services::Services;
use crate::itest::fixture;

/// How long the engine may take to notice the end of a service.
const NOTICE_TIMEOUT: Duration = Duration::from_millis(500);

/// The pause between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The services of a compose file, up and ready. All tests of the run share them.
///
/// A service that ends during the test fails it with the reason. The report of a test that fails contains what the services wrote to their logs
/// during the test.
///
/// See [`Stack`] for an example. A fixture with the scope `worker` or `session` uses [`Project`].
pub struct Compose<S: Stack> {
    project: Project<S>,
}

impl<S: Stack> fmt::Debug for Compose<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Compose").field("project", &self.project).finish()
    }
}

impl<S: Stack> Deref for Compose<S> {
    type Target = Project<S>;

    fn deref(&self) -> &Project<S> {
        &self.project
    }
}

/// The services, which are checked before and after the test.
#[fixture(crate = crate::itest)]
async fn compose<S: Stack>(project: &Project<S>, info: &TestInfo, teardown: &Teardown) -> Result<Compose<S>, Error> {
    let engine = ProjectInEngine::connect(project.name()).await?;
    // The engine may have started a service again, with other ports.
    let before = current_services(&project.services, &engine).await?;
    if let Some(error) = ended_service(&project.services, &before, &engine).await? {
        return Err(error);
    }
    let compose = Compose { project: project.with_services(before.clone()) };
    let (info, began) = (info.clone(), unix_second());
    teardown.defer_with(format!("check the services of {}", S::FILE), move |outcome| async move {
        if outcome.is_success() {
            return check_now(&before, &engine).await;
        }
        add_logs(&before, &engine, &info, began).await;
        check_until_end_is_noticed(&before, &engine).await
    });
    Ok(compose)
}

/// Fails if a service has ended.
async fn check_now(before: &Services, engine: &ProjectInEngine) -> Result<(), Error> {
    let now = current_services(before, engine).await?;
    match ended_service(before, &now, engine).await? {
        Some(error) => Err(Error::new(format!(
            "a service has ended while the test used it, so the result of the test means nothing: {error}"
        ))),
        None => Ok(()),
    }
}

/// Checks the services several times, because the engine notices the end of a service later than a test whose connection ends.
async fn check_until_end_is_noticed(before: &Services, engine: &ProjectInEngine) -> Result<(), Error> {
    let began = Instant::now();
    loop {
        check_now(before, engine).await?;
        if began.elapsed() > NOTICE_TIMEOUT {
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Adds to the report of a test what each service wrote to its log during the test.
async fn add_logs(services: &Services, engine: &ProjectInEngine, info: &TestInfo, began: i32) {
    for (service, container) in services.containers() {
        let log = engine.log(&container.name, LogPart::EndSince(began)).await;
        if !log.is_empty() {
            info.add_note(format!("log of the service `{service}`"), log);
        }
    }
}

/// The current second of Unix time.
fn unix_second() -> i32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i32::try_from(now.as_secs()).unwrap_or(i32::MAX)
}
