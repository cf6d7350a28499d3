//! The verdicts of a detector, read from its JSON lines.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Problem;

/// The outcome of one detection.
#[derive(Debug, Clone, Default)]
pub struct Detection {
    /// The verdicts about tests.
    pub verdicts: Vec<Verdict>,
    /// The last event; without it the detection is incomplete.
    pub finished: Option<Finished>,
}

/// The verdict about one test.
#[derive(Debug, Clone, Deserialize)]
pub struct Verdict {
    /// The test.
    pub id: String,
    /// The kind of the lie, in the detector's terms.
    pub kind: String,
    /// The sets of culprits.
    #[serde(default)]
    pub culprits: Vec<Vec<String>>,
    /// Tests that undo what the culprits did.
    #[serde(default)]
    pub cleaners: Vec<String>,
    /// The interval of the failure rate.
    #[serde(default)]
    pub rate: Option<Rate>,
}

/// An interval of failure rates.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Rate {
    /// The lower end of the interval, from 0 to 1.
    pub low: f64,
    /// The upper end of the interval, from 0 to 1.
    pub high: f64,
}

/// The cost of a detection.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Finished {
    /// Whether the detection examined all tests.
    pub complete: bool,
    /// The number of executed tests.
    #[serde(default)]
    pub executions: u64,
    /// The number of probes.
    #[serde(default)]
    pub probes: u64,
    /// The duration in microseconds.
    #[serde(default)]
    pub elapsed_us: u64,
}

impl Detection {
    /// Reads one line of output. Lines that are no JSON, and other events, are skipped.
    ///
    /// # Errors
    ///
    /// When a verdict or the last event has an unexpected format.
    pub fn read_line(&mut self, line: &str) -> Result<(), Problem> {
        self.verdicts.extend(parse_event(line, "verdict")?);
        if let Some(finished) = parse_event(line, "detection_finished")? {
            self.finished = Some(finished);
        }
        Ok(())
    }
}

/// The event in a line, if the line is JSON and the event has this name.
pub(crate) fn parse_event<T: DeserializeOwned>(line: &str, name: &str) -> Result<Option<T>, Problem> {
    let Ok(value) = serde_json::from_str::<Value>(line) else { return Ok(None) };
    if value.get("event").and_then(Value::as_str) != Some(name) {
        return Ok(None);
    }
    let event = serde_json::from_value(value);
    event.map(Some).map_err(|error| Problem::because(format!("invalid event `{name}`: `{line}`"), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdict_lines_are_read_and_others_skipped() {
        let mut detection = Detection::default();
        for line in [
            "running 3 tests",
            r#"{"event":"case_finished","id":"a"}"#,
            r#"{"event":"verdict","id":"victims::x","kind":"victim","culprits":[["a","b"]],"cleaners":["c"],"rate":{"failures":3,"runs":100,"low":0.01,"high":0.2},"evidence":"..."}"#,
            r#"{"event":"verdict","id":"broken::y","kind":"broken","culprits":[],"cleaners":[],"rate":null}"#,
            r#"{"event":"detection_finished","complete":true,"executions":9,"probes":2,"elapsed_us":1500}"#,
        ] {
            detection.read_line(line).unwrap();
        }
        assert_eq!(detection.verdicts.len(), 2);
        assert_eq!(detection.verdicts[0].culprits, [["a", "b"]]);
        assert!(detection.verdicts[1].rate.is_none());
        assert!(detection.read_line(r#"{"event":"verdict","id":"z"}"#).is_err(), "without a kind");
        let finished = detection.finished.unwrap();
        assert!(finished.complete && finished.executions == 9 && finished.probes == 2 && finished.elapsed_us == 1500);
    }
}
