//! The lifetimes of fixture values, as types, so that the compiler can compare the scopes of two fixtures.

/// The lifetime of a fixture's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The lifetime of the test or fixture that requests the value. Each of them receives its own value.
    Dependent,
    /// One test.
    Test,
    /// One worker process and all the tests it runs.
    Worker,
    /// The whole run and all its processes.
    Session,
}

/// A scope as a type.
pub trait FixtureScope: 'static {
    /// The same scope as a value.
    const SCOPE: Scope;
}

/// `#[fixture]`: a value for each test.
#[derive(Debug, Clone, Copy)]
pub struct TestScope;

/// `#[fixture(scope = "worker")]`: a value for each worker process.
#[derive(Debug, Clone, Copy)]
pub struct WorkerScope;

/// `#[fixture(scope = "session")]`: one value for the whole run.
#[derive(Debug, Clone, Copy)]
pub struct SessionScope;

/// The scope of [`Teardown`](super::Teardown): the scope of the test or fixture that requests the handle.
#[derive(Debug, Clone, Copy)]
pub struct DependentScope;

impl FixtureScope for TestScope {
    const SCOPE: Scope = Scope::Test;
}

impl FixtureScope for WorkerScope {
    const SCOPE: Scope = Scope::Worker;
}

impl FixtureScope for SessionScope {
    const SCOPE: Scope = Scope::Session;
}

impl FixtureScope for DependentScope {
    const SCOPE: Scope = Scope::Dependent;
}

/// Implemented by scopes that last at least as long as `Dependent`.
#[diagnostic::on_unimplemented(
    message = "a fixture cannot depend on one of a narrower scope",
    label = "its value would be gone before the fixture that asks for it",
    note = "give it the scope of the fixture that asks for it, \"worker\" or \"session\", or narrow that one"
)]
pub trait LivesAsLongAs<Dependent> {}

#[diagnostic::do_not_recommend]
impl LivesAsLongAs<Self> for TestScope {}
#[diagnostic::do_not_recommend]
impl LivesAsLongAs<TestScope> for WorkerScope {}
#[diagnostic::do_not_recommend]
impl LivesAsLongAs<Self> for WorkerScope {}
#[diagnostic::do_not_recommend]
impl LivesAsLongAs<TestScope> for SessionScope {}
#[diagnostic::do_not_recommend]
impl LivesAsLongAs<WorkerScope> for SessionScope {}
#[diagnostic::do_not_recommend]
impl LivesAsLongAs<Self> for SessionScope {}
#[diagnostic::do_not_recommend]
impl<Dependent> LivesAsLongAs<Dependent> for DependentScope {}

/// Implemented by scopes whose values can be passed by value.
#[diagnostic::on_unimplemented(
    message = "a fixture of a wider scope than \"test\" is shared by many tests and cannot be owned by one",
    label = "borrow it: `&T`, or `&mut T` to use it alone",
    note = "only fixtures of scope \"test\" are given by value"
)]
pub trait ByValue {}

#[diagnostic::do_not_recommend]
impl ByValue for TestScope {}
#[diagnostic::do_not_recommend]
impl ByValue for DependentScope {}
