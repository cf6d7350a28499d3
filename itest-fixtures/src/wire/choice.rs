//! Chooses the stub that answers a request, or explains why none does.

use std::cmp::Reverse;
use std::panic::Location;

use super::received::Received;
use super::stub::{MountedStub, StubList};

/// Why no stub answers a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Miss {
    /// The explanation, which may have several lines.
    pub(super) text: String,
    /// Where the test wrote the stub that is the nearest to the request.
    pub(super) nearest: Option<&'static Location<'static>>,
}

impl StubList {
    /// The stub that answers a request.
    ///
    /// If several stubs match, the one with the highest priority answers; among these the one with the most conditions; among these one that
    /// answers a limited number of requests, in the order in which they were written; and otherwise the one that was written last, so that a
    /// test can replace the stub of a fixture.
    ///
    /// # Errors
    ///
    /// When no stub answers the request.
    pub(super) fn choose(&self, request: &Received) -> Result<&MountedStub, Miss> {
        let matching = self.mounted.iter().enumerate().filter(|(_, stub)| self.refusal(stub, request).is_none());
        let chosen = matching.max_by_key(|(position, stub)| {
            let is_limited = stub.times.is_limited();
            let age = if is_limited { Err(Reverse(*position)) } else { Ok(*position) };
            (stub.priority, stub.pattern.len(), age)
        });
        chosen.map(|(_, stub)| stub).ok_or_else(|| self.miss(request))
    }

    /// Why a stub does not answer a request.
    fn refusal(&self, stub: &MountedStub, request: &Received) -> Option<Refusal> {
        let mismatches = stub.pattern.mismatches(request);
        if !mismatches.is_empty() {
            return Some(Refusal::Mismatches(mismatches));
        }
        if let Some(wanted) = stub.only_in.as_ref().filter(|wanted| **wanted != self.state) {
            return Some(Refusal::State { wanted: wanted.clone() });
        }
        (!stub.times.allows_another_after(stub.count())).then_some(Refusal::UsedUp)
    }

    fn miss(&self, request: &Received) -> Miss {
        let refusals = self.mounted.iter().filter_map(|stub| Some((stub, self.refusal(stub, request)?)));
        let nearest = refusals.max_by_key(|(stub, refusal)| {
            let met = stub.pattern.len() - refusal.mismatches().len();
            // The share of the conditions that hold, in thousandths.
            (met * 1000 / stub.pattern.len(), met)
        });
        let Some((stub, refusal)) = nearest else {
            return Miss { text: "it has no stub".to_owned(), nearest: None };
        };
        let text = match refusal {
            Refusal::Mismatches(mismatches) => {
                let all = stub.pattern.len();
                let met = all - mismatches.len();
                let verb = if met == 1 { "holds" } else { "hold" };
                format!("{met} of {all} conditions of {stub} {verb}:\n  {}", mismatches.join("\n  "))
            }
            Refusal::State { wanted } => {
                format!("{stub} answers only in the state {wanted:?}, and the state is {:?}", self.state)
            }
            Refusal::UsedUp => format!("{stub} answers {}, and has already done so", stub.times),
        };
        Miss { text, nearest: Some(stub.location) }
    }
}

/// Why a stub does not answer a request.
enum Refusal {
    Mismatches(Vec<String>),
    State { wanted: String },
    UsedUp,
}

impl Refusal {
    fn mismatches(&self) -> &[String] {
        match self {
            Self::Mismatches(mismatches) => mismatches,
            Self::State { .. } | Self::UsedUp => &[],
        }
    }
}
