//! What a clean service adds to a test.

use figures::{Failure, Samples, Table};

use crate::differences::Differences;
use crate::measured::Measured;
use crate::suite::{ADDITIONAL_TESTS, Suite, Workers};

/// A service: the modules of its tests, and how many milliseconds a clean one may add to a test.
struct Service {
    title: &'static str,
    clean: &'static str,
    plain: &'static str,
    max_overhead: f64,
}

const SERVICES: [Service; 6] = [
    Service { title: "Redis", clean: "clean_redis", plain: "plain_redis", max_overhead: 0.3 },
    Service { title: "NATS", clean: "clean_nats", plain: "plain_nats", max_overhead: 1.0 },
    Service { title: "MQTT", clean: "clean_mqtt", plain: "plain_mqtt", max_overhead: 1.0 },
    Service { title: "RabbitMQ", clean: "clean_rabbit", plain: "plain_rabbit", max_overhead: 5.0 },
    Service { title: "S3", clean: "clean_bucket", plain: "plain_bucket", max_overhead: 1.0 },
    Service { title: "mail", clean: "clean_mail", plain: "plain_mail", max_overhead: 0.3 },
];

const WORKERS: [(Workers, &str); 2] = [(Workers::One, "one worker"), (Workers::Default, "default workers")];

/// The times of a service with a number of workers.
struct Row {
    service: &'static Service,
    workers: (Workers, &'static str),
    clean: Samples,
    plain: Samples,
    overhead: Differences,
}

/// Measures all services in alternating rounds.
///
/// # Errors
///
/// When a run of the suite fails.
pub(crate) fn measure(suite: &Suite, rounds: u32) -> Result<Measured, Failure> {
    let mut rows = Vec::new();
    for service in &SERVICES {
        for workers in WORKERS {
            let (clean, plain, overhead) = (Samples::default(), Samples::default(), Differences::default());
            rows.push(Row { service, workers, clean, plain, overhead });
        }
    }
    for round in 1..=rounds {
        for row in &mut rows {
            let clean = suite.additional_tests(row.service.clean, row.workers.0)?;
            let plain = suite.additional_tests(row.service.plain, row.workers.0)?;
            row.clean.add(clean / ADDITIONAL_TESTS);
            row.plain.add(plain / ADDITIONAL_TESTS);
            row.overhead.add(clean, plain, ADDITIONAL_TESTS);
        }
        eprintln!("round {round} of {rounds}: tests");
    }
    let columns = ["a test with", "clean", "not cleaned", "difference", "middle half", "bound", "verdict"];
    let mut measured = Measured::new(Table::new(&columns));
    for row in &rows {
        let (overhead, bound) = (row.overhead.median(), row.service.max_overhead);
        let verdict = measured.judge(overhead, bound);
        let milliseconds = |samples: &Samples| Some(format!("{:.2} ms", samples.median().as_secs_f64() * 1e3));
        measured.table.row([
            Some(format!("{}, {}", row.service.title, row.workers.1)),
            milliseconds(&row.clean),
            milliseconds(&row.plain),
            Some(format!("{overhead:.2} ms")),
            Some(row.overhead.middle_half()),
            Some(format!("{bound} ms")),
            Some(verdict.to_owned()),
        ]);
    }
    Ok(measured)
}
