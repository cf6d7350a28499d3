//! The fixture trait, the static description of a fixture, and the parameters that request fixtures.

use std::any::{Any, TypeId};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::error::Error;
use super::function::Function;
use super::portable::ValueCodec;
use super::scope::{ByValue, FixtureScope, LivesAsLongAs, Scope};

/// A type whose value a test or another fixture receives by naming the type as a parameter.
///
/// The attribute `#[fixture]` on a function implements this trait for the type that the function returns. The function may be
/// sync or async, and may return a `Result`:
///
/// ```
/// use itest::prelude::*;
///
/// struct Greeting(String);
///
/// #[fixture]
/// fn greeting() -> Greeting {
///     Greeting("hello".to_owned())
/// }
/// # fn main() {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a fixture",
    label = "no `#[fixture]` function makes this type",
    note = "write one: `#[fixture] fn name() -> {Self} {{ … }}`; a type of another crate needs a newtype around it",
    note = "a parameter that a case supplies is marked `#[case]` or `#[values(…)]`"
)]
pub trait Fixture: Sized + 'static {
    /// The lifetime of the value.
    type Scope: FixtureScope;

    /// The static description of the fixture, which the harness reads before any test runs.
    fn descriptor() -> &'static FixtureDescriptor;
}

/// Makes a fixture's value from the values of its parameters.
pub(super) type SetupFn = Function<Result<Box<dyn Any>, Error>>;

/// The static description of a fixture.
#[derive(Debug)]
pub struct FixtureDescriptor {
    /// The type of the value.
    pub type_id: TypeId,
    /// The type's name for messages.
    pub name: fn() -> &'static str,
    /// The lifetime of the value.
    pub scope: Scope,
    /// The parameters of the fixture function.
    pub dependencies: &'static [Parameter],
    /// Makes a value.
    pub setup: SetupFn,
    /// Writes and reads the value of a session fixture, because the session server sends it to the workers.
    pub codec: Option<&'static ValueCodec>,
    /// Describes a value of a session fixture in the run's summary.
    pub remark: Option<fn(&dyn Any) -> Option<String>>,
}

impl FixtureDescriptor {
    /// Describes the fixture `F`.
    #[must_use]
    pub const fn of<F: Fixture>(dependencies: &'static [Parameter], setup: SetupFn) -> Self {
        Self {
            type_id: TypeId::of::<F>(),
            name: std::any::type_name::<F>,
            scope: F::Scope::SCOPE,
            dependencies,
            setup,
            codec: None,
            remark: None,
        }
    }

    /// Adds the codec with which the value is sent to other processes.
    #[must_use]
    pub const fn codec(self, codec: &'static ValueCodec) -> Self {
        Self { codec: Some(codec), ..self }
    }

    /// Adds the function that describes the value of a session fixture in the run's summary.
    #[must_use]
    pub const fn remark(self, remark: fn(&dyn Any) -> Option<String>) -> Self {
        Self { remark: Some(remark), ..self }
    }

    /// A number that identifies the type. It is the same in all processes of one binary.
    #[must_use]
    pub fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.type_id.hash(&mut hasher);
        hasher.finish()
    }

    /// The type's name without the paths of its modules.
    #[must_use]
    pub fn short_name(&self) -> String {
        let name = (self.name)();
        let mut short = String::with_capacity(name.len());
        for word in name.split_inclusive(|character: char| "<>, &()[]".contains(character)) {
            short.push_str(word.rsplit("::").next().unwrap_or(word));
        }
        short
    }
}

/// The way in which a parameter requests a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// `T`: a fresh value.
    Owned,
    /// `&T`: a shared borrow of the scope's only value.
    Shared,
    /// `&mut T`: an exclusive borrow of the scope's only value.
    Exclusive,
}

/// A parameter whose value comes from a fixture.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The fixture. This is a function, so that a cycle of fixtures gives an error message and not a stack overflow in the compiler.
    pub fixture: fn() -> &'static FixtureDescriptor,
    /// The way in which the value is requested.
    pub access: Access,
}

impl Parameter {
    /// `T`, requested by a function of scope `Dependent`.
    #[must_use]
    pub const fn owned<F: Fixture, Dependent>() -> Self
    where
        F::Scope: ByValue + LivesAsLongAs<Dependent>,
    {
        Self { fixture: F::descriptor, access: Access::Owned }
    }

    /// `&T`, requested by a function of scope `Dependent`.
    #[must_use]
    pub const fn shared<F: Fixture, Dependent>() -> Self
    where
        F::Scope: LivesAsLongAs<Dependent>,
    {
        Self { fixture: F::descriptor, access: Access::Shared }
    }

    /// `&mut T`, requested by a function of scope `Dependent`.
    #[must_use]
    pub const fn exclusive<F: Fixture, Dependent>() -> Self
    where
        F::Scope: LivesAsLongAs<Dependent>,
    {
        Self { fixture: F::descriptor, access: Access::Exclusive }
    }
}
