//! Runs of the suite.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use figures::{Context, Failure, timed};

/// The number of tests that a long run has in addition to a short run.
pub(crate) const ADDITIONAL_TESTS: u32 = 200;

/// The variables that would lead tests to servers which are not private.
const URLS: [&str; 9] = [
    "ITEST_MQTT_URL",
    "ITEST_NATS_URL",
    "ITEST_RABBITMQ_URL",
    "ITEST_REDIS_URL",
    "ITEST_S3_URL",
    "MQTT_URL",
    "NATS_URL",
    "RABBITMQ_URL",
    "REDIS_URL",
];

/// How many workers run the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workers {
    One,
    Default,
}

/// The program with the tests.
#[derive(Debug)]
pub(crate) struct Suite {
    program: PathBuf,
}

impl Suite {
    /// Finds the suite in the folder of this program, where cargo built it.
    pub(crate) fn find() -> Result<Self, Failure> {
        let own = std::env::current_exe().context(|| "finding the suite".to_owned())?;
        let program = own.with_file_name("services-suite");
        if program.is_file() {
            return Ok(Self { program });
        }
        Err(Failure::new(format!("{} is not there; start this with benches/services/run", program.display())))
    }

    /// The time of the additional tests of a long run of a module, without the start and the first tests.
    pub(crate) fn additional_tests(&self, module: &str, workers: Workers) -> Result<Duration, Failure> {
        let few = self.run(workers, &[&format!("{module}::few")])?;
        let all = self.run(workers, &[&format!("{module}::few"), &format!("{module}::more")])?;
        Ok(all.saturating_sub(few))
    }

    /// The time of a run of one test.
    pub(crate) fn one_test(&self, name: &str) -> Result<Duration, Failure> {
        self.run(Workers::One, &["--exact", name])
    }

    fn run(&self, workers: Workers, filter: &[&str]) -> Result<Duration, Failure> {
        let mut command = Command::new(&self.program);
        for variable in ["ITEST_MQTT", "ITEST_NATS", "ITEST_RABBITMQ", "ITEST_REDIS"] {
            command.env(variable, "programs");
        }
        for variable in URLS {
            command.env_remove(variable);
        }
        if workers == Workers::One {
            command.args(["--jobs", "1"]);
        }
        // lapin leaves a task that a worker would be replaced for, and the new worker would be a part of the time.
        timed(command.args(["--leaks", "ignore"]).args(filter))
    }
}
