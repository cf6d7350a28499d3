//! What a fixture is, and how one is asked for.

use std::any::{Any, TypeId};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::error::Error;
use super::portable::Crossing;
use super::scope::{ByValue, FixtureScope, LivesAsLongAs, Scope};
use super::slot::Inputs;
use super::sync::{FunctionKind, LocalFuture};

/// A type whose value a test or another fixture can ask for by naming it as a parameter.
///
/// Implemented by `#[fixture]` on a function that returns the type, sync or async, with or without `Result`:
///
/// ```
/// # use itest_runtime as _;
/// struct Greeting(String);
///
/// // #[fixture]
/// fn greeting() -> Greeting {
///     Greeting("hello".to_owned())
/// }
/// # assert_eq!(greeting().0, "hello");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a fixture",
    label = "no `#[fixture]` function makes this type",
    note = "write one: `#[fixture] fn name() -> {Self} {{ … }}`; a type of another crate needs a newtype around it",
    note = "a parameter that a case supplies is marked `#[case]` or `#[values(…)]`"
)]
pub trait Fixture: Sized + 'static {
    /// How long its value lives.
    type Scope: FixtureScope;

    /// What the harness knows of it before anything runs.
    fn descriptor() -> &'static FixtureDescriptor;
}

/// Makes a fixture's value out of the values it asked for.
pub(super) type SetupFn = for<'a> fn(&'a mut Inputs) -> LocalFuture<'a, Result<Box<dyn Any>, Error>>;

/// The static description of a fixture.
#[derive(Debug, Clone, Copy)]
pub struct FixtureDescriptor {
    /// The type.
    pub type_id: TypeId,
    /// The type's name, for people.
    pub name: fn() -> &'static str,
    /// How long its value lives.
    pub scope: Scope,
    /// What it asks for.
    pub dependencies: &'static [Parameter],
    /// Whether its function blocks.
    pub kind: FunctionKind,
    /// Makes a value.
    pub setup: SetupFn,
    /// How the value of a session fixture comes to the workers.
    pub crossing: Option<&'static Crossing>,
    /// What a value says of itself in the run's summary.
    pub remark: Option<fn(&dyn Any) -> Option<String>>,
}

impl FixtureDescriptor {
    /// Describes `F`.
    #[must_use]
    pub const fn of<F: Fixture>(kind: FunctionKind, dependencies: &'static [Parameter], setup: SetupFn) -> Self {
        Self {
            type_id: TypeId::of::<F>(),
            name: std::any::type_name::<F>,
            scope: F::Scope::SCOPE,
            dependencies,
            kind,
            setup,
            crossing: None,
            remark: None,
        }
    }

    /// Its value crosses from one process to others.
    #[must_use]
    pub const fn crossing(self, crossing: &'static Crossing) -> Self {
        Self { crossing: Some(crossing), ..self }
    }

    /// Its value, which a session keeps, says something of itself in the run's summary.
    #[must_use]
    pub const fn remark(self, remark: fn(&dyn Any) -> Option<String>) -> Self {
        Self { remark: Some(remark), ..self }
    }

    /// A number for the type, the same in all processes of one binary.
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

/// How a value is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// `T`: a fresh value.
    Owned,
    /// `&T`: the scope's one value.
    Shared,
    /// `&mut T`: the scope's one value, nobody else beside.
    Exclusive,
}

/// A parameter that a fixture fills.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The fixture. A function, so that fixtures in a circle are a message and not a compiler's stack overflow.
    pub fixture: fn() -> &'static FixtureDescriptor,
    /// How it is asked for.
    pub access: Access,
}

impl Parameter {
    /// `T`, asked for by something of scope `Asker`.
    #[must_use]
    pub const fn owned<F: Fixture, Asker>() -> Self
    where
        F::Scope: ByValue + LivesAsLongAs<Asker>,
    {
        Self { fixture: F::descriptor, access: Access::Owned }
    }

    /// `&T`, asked for by something of scope `Asker`.
    #[must_use]
    pub const fn shared<F: Fixture, Asker>() -> Self
    where
        F::Scope: LivesAsLongAs<Asker>,
    {
        Self { fixture: F::descriptor, access: Access::Shared }
    }

    /// `&mut T`, asked for by something of scope `Asker`.
    #[must_use]
    pub const fn exclusive<F: Fixture, Asker>() -> Self
    where
        F::Scope: LivesAsLongAs<Asker>,
    {
        Self { fixture: F::descriptor, access: Access::Exclusive }
    }
}
