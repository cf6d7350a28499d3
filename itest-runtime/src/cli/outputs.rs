//! What receives the events of a run, or those of a report of records: the writers of all reports, and the coverage of integration points.

#[cfg(feature = "coverage")]
use super::coverage::CoverageOfRun;
use super::output::ReportWriter;
use crate::model::{Event, ExitStatus, Summary};

/// The writers of all reports, and the coverage of integration points if a setting needs it.
pub(super) struct Outputs {
    pub(super) writers: Vec<ReportWriter>,
    #[cfg(feature = "coverage")]
    pub(super) coverage: Option<CoverageOfRun>,
}

impl Outputs {
    /// Handles an event, from which secrets are removed. At the end of a run, the limits of the coverage may fail it.
    #[cfg_attr(not(feature = "coverage"), expect(unused_mut, reason = "only the coverage changes events"))]
    pub(super) fn handle(&mut self, mut event: Event) {
        #[cfg(feature = "coverage")]
        if let Some(coverage) = &mut self.coverage {
            let warnings = coverage.observe(&mut event);
            for mut warning in warnings.into_iter().map(Event::Warning) {
                warning.redact();
                self.writers.iter_mut().for_each(|writer| writer.handle_event(&warning));
            }
        }
        self.writers.iter_mut().for_each(|writer| writer.handle_event(&event));
    }

    /// Adds the reasons why the run fails to a copy of its summary that no event has.
    #[cfg_attr(
        not(feature = "coverage"),
        expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "only the coverage adds reasons")
    )]
    pub(super) fn complete(&self, summary: &mut Summary) {
        #[cfg(feature = "coverage")]
        if let Some(coverage) = &self.coverage {
            coverage.add_problems(summary);
        }
        #[cfg(not(feature = "coverage"))]
        let _ = summary;
    }

    /// The exit status after all reports. A lost report turns success into a failure of the harness.
    pub(super) fn status(&self, status: ExitStatus) -> ExitStatus {
        let status = self.writers.iter().fold(status, |status, writer| writer.status(status));
        #[cfg(feature = "coverage")]
        if let Some(coverage) = &self.coverage {
            return coverage.status(status);
        }
        status
    }
}
