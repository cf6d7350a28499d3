//! Tokens in, model out; what cannot be understood is told and replaced by a default.

mod arguments;
mod attributes;
mod conditional;
mod conditions;
mod generics;
mod item;
mod made;
mod over;
mod parameters;
mod phases;
mod place;
mod runtime;
mod teardown;
mod types;
mod words;

pub(crate) use conditions::split;
pub(crate) use item::{fixture, function, test};
pub(crate) use over::hand_down;
pub(crate) use teardown::teardown;
