//! Runs a supervisor on its own event loop.

use std::sync::Arc;
use std::time::Instant;

use super::super::run::Run;
use super::event_loop::Supervisor;
use crate::inject::{Registry, block_on};
use crate::model::{Event, HarnessError, Summary};
use crate::process::{affordable_workers, release_exit};

/// Runs the cases and emits an event for everything that happens.
///
/// # Errors
///
/// When the harness itself cannot go on. All its workers have ended then, too.
pub(crate) fn supervise(
    mut run: Run,
    registry: Arc<Registry>,
    emit: &mut dyn FnMut(Event),
) -> Result<Summary, HarnessError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HarnessError::io("start the supervisor's event loop"))?;
    let began = Instant::now();
    let requested = run.config.jobs;
    let affordable = affordable_workers();
    run.config.jobs = requested.min(affordable);
    emit(Event::RunStarted {
        selected: run.cases.len() * run.config.repeats.last().map_or(1, |last| last.get() as usize) + run.ignored.len(),
        repeats: run.config.repeats,
        order: run.config.order,
        seed: run.config.seed,
        jobs: run.config.jobs.get().min(run.cases.len().max(1)),
        facts: std::mem::take(&mut run.facts),
    });
    if requested > affordable && run.cases.len() > affordable.get() {
        emit(Event::Warning(format!("the limit of open files is enough for {affordable} workers, not {requested}")));
    }
    for (id, reason) in &run.ignored {
        emit(Event::CaseIgnored { id: id.clone(), reason: (*reason).into() });
    }
    let (mut summary, result) = block_on(&runtime, async {
        let supervisor = Supervisor::new(run, registry, emit)?;
        Ok::<_, HarnessError>(supervisor.run().await)
    })?;
    release_exit();
    summary.elapsed = began.elapsed();
    summary.problems.extend(result.as_ref().err().map(HarnessError::chain));
    emit(Event::RunFinished(summary.clone()));
    result.map(|()| summary)
}
