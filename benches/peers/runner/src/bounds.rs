//! The bounds that itest must meet, compared with the measurements.

use figures::Samples;

use crate::numbers;
use crate::peer::Peer;
use crate::results::{self, Cold, Results, Start};
use crate::suite::Suite;

/// The unit of the two numbers of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Ratio,
    Mebibytes,
}

/// An upper limit of a measurement.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) target: &'static str,
    pub(crate) unit: Unit,
    pub(crate) most: f64,
    pub(crate) measured: Option<f64>,
}

/// The result of comparing a measurement with its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

impl Bound {
    pub(crate) fn verdict(&self) -> Verdict {
        match self.measured {
            None => Verdict::NotMeasured,
            Some(measured) if measured <= self.most => Verdict::Met,
            // NaN is not within a bound, either.
            Some(_) => Verdict::Missed,
        }
    }
}

/// All bounds, with the measurements that exist.
pub(crate) fn all(results: &Results) -> Vec<Bound> {
    let ratio = |target, most, measured| Bound { target, unit: Unit::Ratio, most, measured };
    let run = |peer| quotient(&results.runs, Peer::Itest, peer);
    let start = |start| quotient(&results.starts, start, Start::Empty);
    let rebuild = |suite| quotient(&results.rebuilds, suite, Suite::Libtest);
    vec![
        ratio("run / libtest + `#[tokio::test]`", 0.4, run(Peer::Libtest)),
        ratio("run / test-r with capture", 0.15, run(Peer::TestR)),
        ratio("10,000 tests / libtest-mimic + inventory", 1.1, large_run(results)),
        ratio("edit and rebuild / libtest", 1.45, rebuild(Suite::Itest)),
        ratio("edit and rebuild with `dynamic` / libtest", 1.15, rebuild(Suite::ItestDynamic)),
        ratio("binary without default features / libtest", 3.0, size(results, Suite::ItestPlain)),
        ratio("binary / libtest", 4.5, size(results, Suite::Itest)),
        ratio("a test among ten times as many / a test", 1.1, scale(results, Suite::Itest)),
        ratio("`--list` / empty program", 2.5, start(Start::List(Suite::Itest))),
        ratio("`--exact` / empty program", 6.0, start(Start::Exact(Suite::Itest))),
        Bound {
            target: "memory of the supervisor",
            unit: Unit::Mebibytes,
            most: 150.0,
            measured: results::of(&results.memory, Suite::Itest).map(|peak| numbers::as_mebibytes(peak.top)),
        },
        ratio("cold build / test-r", 1.2, quotient(&results.cold, Cold::ItestDefault, Cold::TestR)),
    ]
}

/// The time of one test in the large suite, divided by the time of one test in the small suite.
pub(crate) fn scale(results: &Results, suite: Suite) -> Option<f64> {
    let scale = results::of(&results.scale, suite)?;
    let large = scale.large.median().as_secs_f64();
    Some(large / scale.small.median().as_secs_f64() / 10.0)
}

/// The median of one subject, divided by the median of another.
pub(crate) fn quotient<Subject: PartialEq + Copy>(
    measured: &[(Subject, Samples)],
    subject: Subject,
    reference: Subject,
) -> Option<f64> {
    let subject = results::of(measured, subject)?.median();
    let reference = results::of(measured, reference)?.median();
    Some(subject.as_secs_f64() / reference.as_secs_f64())
}

/// The time of the large suite of itest, divided by the time of the large suite of libtest-mimic with inventory.
fn large_run(results: &Results) -> Option<f64> {
    let large = |suite| results::of(&results.scale, suite).map(|scale| scale.large.median().as_secs_f64());
    Some(large(Suite::Itest)? / large(Suite::LibtestMimicInventory)?)
}

fn size(results: &Results, suite: Suite) -> Option<f64> {
    let itest = results::of(&results.sizes, suite)?;
    let libtest = results::of(&results.sizes, Suite::Libtest)?;
    Some(numbers::as_float(*itest) / numbers::as_float(*libtest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(milliseconds: u64) -> Samples {
        let mut samples = Samples::default();
        samples.add(Duration::from_millis(milliseconds));
        samples
    }

    #[test]
    fn missing_measurement_has_no_verdict() {
        let bounds = all(&Results::default());
        assert_eq!(bounds.len(), 12);
        assert!(bounds.iter().all(|b| b.verdict() == Verdict::NotMeasured));
    }

    #[test]
    fn bound_is_met_up_to_its_exact_value() {
        for (milliseconds, verdict) in [(40, Verdict::Met), (41, Verdict::Missed)] {
            let results = Results {
                runs: vec![(Peer::Libtest, samples(100)), (Peer::Itest, samples(milliseconds))],
                ..Results::default()
            };
            assert_eq!(all(&results)[0].verdict(), verdict);
        }
    }
}
