//! The values for the parameters of a test or fixture function.

use std::any::{Any, type_name};
use std::rc::Rc;

use super::context::TestInfo;
use super::teardown::Teardown;

/// The value for one parameter, with its type erased.
#[derive(Debug)]
pub enum Slot {
    /// `T`; `None` after the function has taken the value.
    Owned(Option<Box<dyn Any>>),
    /// `&T`.
    Shared(Rc<dyn Any>),
    /// `&mut T`. The scope lends the value and receives it back after the test.
    Exclusive(Rc<dyn Any>),
}

impl Slot {
    /// Moves the value out.
    ///
    /// # Panics
    ///
    /// Never in expanded code: the registry pairs each parameter's type with its own fixture.
    #[must_use]
    pub fn take<T: 'static>(&mut self) -> T {
        let value = match self {
            Self::Owned(value) => value.take().and_then(|value| value.downcast().ok()),
            Self::Shared(_) | Self::Exclusive(_) => None,
        };
        *value.unwrap_or_else(|| mismatch::<T>())
    }

    /// Borrows the value.
    ///
    /// # Panics
    ///
    /// Never in expanded code: the registry pairs each parameter's type with its own fixture.
    #[must_use]
    pub fn shared<T: 'static>(&self) -> &T {
        let value = match self {
            Self::Owned(value) => value.as_ref().and_then(|value| value.downcast_ref()),
            Self::Shared(value) | Self::Exclusive(value) => value.downcast_ref(),
        };
        value.unwrap_or_else(|| mismatch::<T>())
    }

    /// Borrows the value mutably.
    ///
    /// # Panics
    ///
    /// Never in expanded code: the registry pairs each parameter's type with its own fixture.
    #[must_use]
    pub fn exclusive<T: 'static>(&mut self) -> &mut T {
        let value = match self {
            Self::Owned(value) => value.as_mut().and_then(|value| value.downcast_mut()),
            Self::Exclusive(value) => Rc::get_mut(value).and_then(|value| value.downcast_mut()),
            Self::Shared(_) => None,
        };
        value.unwrap_or_else(|| mismatch::<T>())
    }
}

#[expect(clippy::panic, reason = "setup fills each slot from the descriptor of the very type that is taken out of it")]
fn mismatch<T>() -> ! {
    panic!("itest: a parameter of type `{}` was given another value; please report this", type_name::<T>())
}

/// Everything that a test function or fixture function is called with.
#[derive(Debug)]
pub struct Inputs {
    slots: Vec<Slot>,
    row: usize,
    teardown: Teardown,
    info: Option<TestInfo>,
}

impl Inputs {
    /// Collects the values for one call.
    #[must_use]
    pub fn new(slots: Vec<Slot>, row: usize, teardown: Teardown, info: Option<TestInfo>) -> Self {
        Self { slots, row, teardown, info }
    }

    /// The slots, in the order of the parameters that fixtures fill.
    ///
    /// # Panics
    ///
    /// Never in expanded code: `N` is the number of those parameters.
    #[expect(clippy::panic, reason = "the expansion's pattern and its list of parameters have one length")]
    pub fn slots<const N: usize>(&mut self) -> &mut [Slot; N] {
        match self.slots.first_chunk_mut() {
            Some(slots) => slots,
            None => panic!("itest: a function of {N} parameters was given fewer; please report this"),
        }
    }

    /// The row of a test with several cases, counted from 0.
    #[must_use]
    pub fn row(&self) -> usize {
        self.row
    }

    /// The teardown handle of the called function's scope.
    #[must_use]
    pub fn teardown(&self) -> &Teardown {
        &self.teardown
    }

    /// The running test; `None` for worker and session fixtures, which outlive a test.
    #[must_use]
    pub fn info(&self) -> Option<&TestInfo> {
        self.info.as_ref()
    }

    /// Returns the slots after the call.
    #[must_use]
    pub fn into_slots(self) -> Vec<Slot> {
        self.slots
    }
}
