//! Values that cross from one process to another.

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::Problem;

/// A value that can be written down in one process and read in another: everything with serde's `Serialize` and
/// `Deserialize` that borrows nothing.
///
/// What a session fixture makes is portable, and so are the arguments of a `#[teardown]` function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handed from one process to another",
    label = "it must be written down in one process and read in another",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to it",
    note = "where it is not yours, hand over what another process finds the same thing by: a path, a name, an address"
)]
pub trait Portable: Sized + 'static {
    /// Writes it down, as JSON.
    ///
    /// # Errors
    ///
    /// When its own `Serialize` refuses.
    fn write_down(&self) -> Result<String, Problem>;

    /// Reads what [`Self::write_down`] wrote.
    ///
    /// # Errors
    ///
    /// When its own `Deserialize` refuses.
    fn read_back(json: &str) -> Result<Self, Problem>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + 'static> Portable for T {
    fn write_down(&self) -> Result<String, Problem> {
        serde_json::to_string(self).map_err(|error| refused::<T>("written down", &error))
    }

    fn read_back(json: &str) -> Result<Self, Problem> {
        serde_json::from_str(json).map_err(|error| refused::<T>("read back", &error))
    }
}

fn refused<T>(action: &str, error: &serde_json::Error) -> Problem {
    Problem::new(format!("a `{}` cannot be {action} for another process: {error}", std::any::type_name::<T>()))
}

/// How the value of a session fixture crosses, without its type.
#[derive(Debug, Clone, Copy)]
pub struct Crossing {
    write_down: fn(&dyn Any) -> Result<String, Problem>,
    read_back: fn(&str) -> Result<Box<dyn Any>, Problem>,
}

impl Crossing {
    /// That of `T`.
    #[must_use]
    pub const fn of<T: Portable>() -> Self {
        Self {
            write_down: |value| match value.downcast_ref::<T>() {
                Some(value) => value.write_down(),
                None => Err(Problem::new("itest: a fixture made a value of another type; please report this")),
            },
            read_back: |json| T::read_back(json).map(|value| Box::new(value) as Box<dyn Any>),
        }
    }

    pub(crate) fn write_down(&self, value: &dyn Any) -> Result<String, Problem> {
        (self.write_down)(value)
    }

    pub(crate) fn read_back(&self, json: &str) -> Result<Box<dyn Any>, Problem> {
        (self.read_back)(json)
    }
}
