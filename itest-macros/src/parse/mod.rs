//! Parses tokens into the types of `model`. Mistakes are reported and replaced by defaults, so that parsing continues.

mod arguments;
mod attributes;
mod conditional;
mod conditions;
mod generics;
mod invariant;
mod item;
mod over;
mod parameters;
mod phases;
mod place;
mod points;
mod runtime;
mod teardown;
mod types;
mod value_type;
mod words;

pub(crate) use conditions::split;
pub(crate) use invariant::invariant;
pub(crate) use item::{fixture, function, test};
pub(crate) use over::move_below_test_attribute;
pub(crate) use points::points;
pub(crate) use teardown::teardown;
