//! Values that are sent from one process to another.

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::Problem;

/// A value that one process can write as JSON and another process can read. Every type that implements serde's `Serialize` and
/// `Deserialize` and borrows nothing is portable.
///
/// The values of session fixtures and the arguments of `#[teardown]` functions must be portable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handed from one process to another",
    label = "it must be written down in one process and read in another",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to it",
    note = "where it is not yours, hand over what another process finds the same thing by: a path, a name, an address"
)]
pub trait Portable: Sized + 'static {
    /// Writes the value as JSON.
    ///
    /// # Errors
    ///
    /// When the type's own `Serialize` implementation returns an error.
    fn to_json(&self) -> Result<String, Problem>;

    /// Reads a value that [`Self::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// When the type's own `Deserialize` implementation returns an error.
    fn from_json(json: &str) -> Result<Self, Problem>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + 'static> Portable for T {
    fn to_json(&self) -> Result<String, Problem> {
        serde_json::to_string(self).map_err(|error| serde_problem::<T>("written down", &error))
    }

    fn from_json(json: &str) -> Result<Self, Problem> {
        serde_json::from_str(json).map_err(|error| serde_problem::<T>("read back", &error))
    }
}

fn serde_problem<T>(action: &str, error: &serde_json::Error) -> Problem {
    Problem::new(format!("a `{}` cannot be {action} for another process: {error}", std::any::type_name::<T>()))
}

/// Functions that write and read the value of a session fixture whose type is erased.
#[derive(Debug, Clone, Copy)]
pub struct ValueCodec {
    to_json: fn(&dyn Any) -> Result<String, Problem>,
    from_json: fn(&str) -> Result<Box<dyn Any>, Problem>,
}

impl ValueCodec {
    /// The functions for the type `T`.
    #[must_use]
    pub const fn of<T: Portable>() -> Self {
        Self {
            to_json: |value| match value.downcast_ref::<T>() {
                Some(value) => value.to_json(),
                None => Err(Problem::new("itest: a fixture made a value of another type; please report this")),
            },
            from_json: |json| T::from_json(json).map(|value| Box::new(value) as Box<dyn Any>),
        }
    }

    pub(crate) fn encode(&self, value: &dyn Any) -> Result<String, Problem> {
        (self.to_json)(value)
    }

    pub(crate) fn decode(&self, json: &str) -> Result<Box<dyn Any>, Problem> {
        (self.from_json)(json)
    }
}
