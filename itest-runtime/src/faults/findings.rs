//! Groups the weak cells by their cause: one finding for each test, weakness and call.

use std::collections::BTreeMap;

use super::cells::{Baseline, Cell};
use crate::model::{Call, CellVerdict, Finding, TestId, Weakness};

/// The findings of an exploration, the worst weakness first, and those with the same target together.
#[must_use]
pub(crate) fn findings(tests: &[Baseline], judged: &[(Cell, CellVerdict)]) -> Vec<Finding> {
    let mut groups: BTreeMap<(Weakness, &Call, &TestId), Finding> = BTreeMap::new();
    for (cell, verdict) in judged {
        let CellVerdict::Weak(weakness, evidence) = verdict else { continue };
        let (test, call) = (&tests[cell.test].id, &cell.execution.fault.call);
        let finding = groups.entry((*weakness, call, test)).or_insert_with(|| Finding {
            weakness: *weakness,
            test: test.clone(),
            call: call.clone(),
            executions: Vec::new(),
            evidence: evidence.clone(),
        });
        finding.executions.push(cell.execution.clone());
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::cells::{cells, tests::baseline};
    use super::*;
    use crate::model::{CallKind, Evidence};

    #[test]
    fn faults_with_the_same_effect_on_the_same_call_are_one_finding() {
        let tests = [baseline("a", &[(CallKind::Request, "payments POST /charge")])];
        let evidence = |text: &str| Evidence { text: text.to_owned(), exchange: None };
        let verdicts = |position: usize| match position {
            0 | 2 => CellVerdict::Weak(Weakness::Hangs, evidence(&format!("evidence {position}"))),
            1 => CellVerdict::Weak(Weakness::Panics, evidence("it panics")),
            _ => CellVerdict::Noticed,
        };
        let judged: Vec<_> =
            cells(&tests).into_iter().enumerate().map(|(position, cell)| (cell, verdicts(position))).collect();
        let findings = findings(&tests, &judged);
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[0].evidence.text, "evidence 0");
        let faults: Vec<String> =
            findings[0].executions.iter().map(|execution| execution.fault.fault.to_string()).collect();
        assert_eq!(faults, ["reset-during", "timeout"]);
    }
}
