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
    /// The stub that answers a request. `matches` says of each stub whether its pattern matches; stubs that were mounted later do not answer.
    ///
    /// If several stubs match, the one with the highest priority answers; among these the one with the most conditions; among these one that
    /// answers a limited number of requests, in the order in which they were written; and otherwise the one that was written last, so that a
    /// test can replace the stub of a fixture.
    pub(super) fn choose(&self, matches: &[bool]) -> Option<&MountedStub> {
        self.choose_of(matches, |refusal| refusal.is_none())
    }

    /// Like [`Self::choose`], but a stub that has answered as often as it should answers again.
    pub(super) fn choose_again(&self, matches: &[bool]) -> Option<&MountedStub> {
        self.choose(matches)
            .or_else(|| self.choose_of(matches, |refusal| matches!(refusal, None | Some(Refusal::UsedUp))))
    }

    fn choose_of(&self, matches: &[bool], is_usable: impl Fn(Option<Refusal>) -> bool) -> Option<&MountedStub> {
        let matching = self.mounted.iter().zip(matches).enumerate().filter(|(_, (_, matches))| **matches);
        let usable = matching.filter(|(_, (stub, _))| is_usable(self.refusal(stub)));
        let chosen = usable.max_by_key(|(position, (stub, _))| {
            let is_limited = stub.times.is_limited();
            let age = if is_limited { usize::MAX - position } else { *position };
            (stub.priority, stub.pattern.len(), is_limited, age)
        });
        chosen.map(|(_, (stub, _))| &**stub)
    }

    /// Why a stub whose pattern matches does not answer.
    fn refusal(&self, stub: &MountedStub) -> Option<Refusal> {
        if let Some(wanted) = stub.only_in.as_ref().filter(|wanted| **wanted != self.state) {
            return Some(Refusal::State { wanted: wanted.clone() });
        }
        (!stub.times.allows_another_after(stub.count())).then_some(Refusal::UsedUp)
    }

    /// Explains why no stub answers a request: the stub with the same path is the nearest, then one with the same method, and then the one
    /// with the largest share of conditions that hold.
    pub(super) fn explain_miss(&self, request: &Received, matches: &[bool]) -> Miss {
        let refusals = self.mounted.iter().zip(matches).map(|(stub, matches)| {
            let mismatches = || match stub.pattern.mismatches(request) {
                // Everything else holds, so the closures were called.
                none if none.is_empty() => stub.pattern.predicates(),
                mismatches => mismatches,
            };
            let refusal = if *matches { self.refusal(stub) } else { Some(Refusal::Mismatches(mismatches())) };
            (stub, refusal)
        });
        let nearest = refusals.enumerate().max_by_key(|(position, (stub, refusal))| {
            let all = stub.pattern.len();
            let met = all - refusal.as_ref().map_or(0, |refusal| refusal.mismatches().len()).min(all);
            // The share is in thousandths. The first of equal stubs is the nearest.
            (stub.pattern.fit(request), met * 1000 / all, met, Reverse(*position))
        });
        let Some((_, (stub, Some(refusal)))) = nearest else {
            return Miss { text: "it has no stub".to_owned(), nearest: None };
        };
        let text = match refusal {
            Refusal::Mismatches(mismatches) => {
                let all = stub.pattern.len();
                let met = all - mismatches.len().min(all);
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
