//! What a detector says: the lines of its JSON that count.

use serde::Deserialize;
use serde_json::Value;

use crate::Problem;

/// The outcome of one detection.
#[derive(Debug, Clone, Default)]
pub struct Detection {
    /// What it says of tests.
    pub verdicts: Vec<Verdict>,
    /// Its last line; without it the detection was cut off.
    pub finished: Option<Finished>,
}

/// What is said of one test.
#[derive(Debug, Clone, Deserialize)]
pub struct Verdict {
    /// The test.
    pub id: String,
    /// How it lies, in the detector's word.
    pub kind: String,
    /// Because of whom.
    #[serde(default)]
    pub culprits: Vec<Vec<String>>,
    /// Who undoes it.
    #[serde(default)]
    pub cleaners: Vec<String>,
    /// How often it fails.
    #[serde(default)]
    pub rate: Option<Rate>,
}

/// How often a test fails.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Rate {
    /// The lower end of the interval, from 0 to 1.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// What a detection has cost.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Finished {
    /// Whether everything was looked into that should have been.
    pub complete: bool,
    /// How many times a test ran.
    #[serde(default)]
    pub executions: u64,
    /// How many probes there were.
    #[serde(default)]
    pub probes: u64,
    /// How long it took, in microseconds.
    #[serde(default)]
    pub elapsed_us: u64,
}

impl Detection {
    /// Hears a line. What is no JSON, or says something else, is skipped.
    ///
    /// # Errors
    ///
    /// When it is a verdict or the last line, and not of the shape that it should have: it must not look like silence.
    pub fn hear(&mut self, line: &str) -> Result<(), Problem> {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return Ok(()) };
        let odd = |error| Problem::because(format!("the detector says `{line}`"), error);
        match value.get("event").and_then(Value::as_str) {
            Some("verdict") => self.verdicts.push(serde_json::from_value(value).map_err(odd)?),
            Some("detection_finished") => self.finished = Some(serde_json::from_value(value).map_err(odd)?),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_heard_and_the_rest_is_skipped() {
        let mut detection = Detection::default();
        for line in [
            "running 3 tests",
            r#"{"event":"case_finished","id":"a"}"#,
            r#"{"event":"verdict","id":"victims::x","kind":"victim","culprits":[["a","b"]],"cleaners":["c"],"rate":{"failures":3,"runs":100,"low":0.01,"high":0.2},"evidence":"..."}"#,
            r#"{"event":"verdict","id":"broken::y","kind":"broken","culprits":[],"cleaners":[],"rate":null}"#,
            r#"{"event":"detection_finished","complete":true,"executions":9,"probes":2,"elapsed_us":1500}"#,
        ] {
            detection.hear(line).unwrap();
        }
        assert_eq!(detection.verdicts.len(), 2);
        assert_eq!(detection.verdicts[0].culprits, [["a", "b"]]);
        assert!(detection.verdicts[1].rate.is_none());
        assert!(detection.hear(r#"{"event":"verdict","id":"z"}"#).is_err(), "without a kind");
        let finished = detection.finished.unwrap();
        assert!(finished.complete && finished.executions == 9 && finished.probes == 2 && finished.elapsed_us == 1500);
    }
}
