//! The key: the tests whose service has a weakness, the report of each weakness, and what shows it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::finding::Finding;
use crate::Problem;

/// The weaknesses by the names of their tests.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct FaultsKey {
    /// The tests whose service has a weakness.
    pub tests: BTreeMap<String, Weakness>,
}

/// The weakness of one service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weakness {
    /// The address of a public report of such a weakness.
    pub report: String,
    /// All findings that are right.
    pub findings: Vec<Expected>,
}

/// A finding that is right.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// What the test does when the call fails.
    pub verdict: FaultVerdict,
    /// The beginning of the call's name.
    pub at: String,
    /// The faults of the call, of which each alone shows the weakness.
    pub faults: Vec<String>,
}

/// What a test does when one of its calls fails, and must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultVerdict {
    /// It does not end in time.
    Hangs,
    /// The code under test panics.
    Panics,
    /// It leaves a resource.
    Leaks,
    /// An invariant fails.
    BreaksInvariant,
    /// It passes although an essential call had no success.
    FalseSuccess,
}

impl FaultVerdict {
    /// All verdicts, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Hangs, Self::Panics, Self::Leaks, Self::BreaksInvariant, Self::FalseSuccess];

    /// The name of the verdict in the key and in findings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hangs => "hangs",
            Self::Panics => "panics",
            Self::Leaks => "leaks",
            Self::BreaksInvariant => "breaks_invariant",
            Self::FalseSuccess => "false_success",
        }
    }
}

impl fmt::Display for FaultVerdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

impl FaultsKey {
    /// Reads the key of this package.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is no valid key.
    pub fn read() -> Result<Self, Problem> {
        crate::key::read_toml("faults-key.toml")
    }

    /// Whether the key expects the finding: the test, the verdict and the call are right, whatever the faults are.
    #[must_use]
    pub fn expects(&self, finding: &Finding) -> bool {
        let weakness = self.tests.get(&finding.id);
        weakness.is_some_and(|weakness| weakness.findings.iter().any(|expected| expected.names(finding)))
    }
}

impl Expected {
    /// Whether a finding about the same test shows this weakness.
    #[must_use]
    pub fn is_shown_by(&self, finding: &Finding) -> bool {
        self.names(finding) && finding.faults.iter().any(|fault| self.faults.contains(fault))
    }

    fn names(&self, finding: &Finding) -> bool {
        finding.verdict == self.verdict.word() && finding.call.starts_with(&self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: &str, call: &str, faults: &[&str]) -> Finding {
        Finding {
            id: "a".to_owned(),
            verdict: verdict.to_owned(),
            call: call.to_owned(),
            faults: faults.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn weakness_is_shown_by_its_verdict_at_its_call_with_one_of_its_faults() {
        let expected: Expected =
            toml::from_str("verdict = 'hangs'\nat = 'prices GET /a'\nfaults = ['timeout', 'malformed']").unwrap();
        assert!(expected.is_shown_by(&finding("hangs", "prices GET /a #2", &["status-500", "timeout"])));
        for other in [
            finding("leaks", "prices GET /a #1", &["timeout"]),
            finding("hangs", "prices GET /b #1", &["timeout"]),
            finding("hangs", "prices GET /a #1", &["status-500"]),
        ] {
            assert!(!expected.is_shown_by(&other), "{other:?}");
        }
    }

    #[test]
    fn key_expects_findings_with_other_faults_but_no_other_call() {
        let key: FaultsKey = toml::from_str(
            "[a]\nreport = 'https://example.com'\nfindings = [{ verdict = 'hangs', at = 'x', faults = ['timeout'] }]",
        )
        .unwrap();
        assert!(key.expects(&finding("hangs", "x #1", &["malformed"])));
        assert!(!key.expects(&finding("hangs", "y #1", &["timeout"])));
        assert!(!key.expects(&Finding { id: "b".to_owned(), ..finding("hangs", "x #1", &["timeout"]) }));
    }

    #[test]
    fn verdicts_have_the_names_of_the_key() {
        for verdict in FaultVerdict::ALL {
            let read: BTreeMap<String, FaultVerdict> = toml::from_str(&format!("it = '{verdict}'")).unwrap();
            assert_eq!(read["it"], verdict);
        }
    }
}
