//! How long a fixture's value lives, as types, so that the compiler can compare two of them.

/// How long a fixture's value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// As long as whoever asks for it; everyone gets a value of their own.
    Asker,
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

/// The scope of [`Teardown`](super::Teardown): that of whoever asks for it.
#[derive(Debug, Clone, Copy)]
pub struct AskerScope;

impl FixtureScope for TestScope {
    const SCOPE: Scope = Scope::Test;
}

impl FixtureScope for WorkerScope {
    const SCOPE: Scope = Scope::Worker;
}

impl FixtureScope for SessionScope {
    const SCOPE: Scope = Scope::Session;
}

impl FixtureScope for AskerScope {
    const SCOPE: Scope = Scope::Asker;
}

/// Implemented by scopes that last at least as long as `Asker`.
#[diagnostic::on_unimplemented(
    message = "a fixture cannot depend on one of a narrower scope",
    label = "its value would be gone before the fixture that asks for it",
    note = "give it the scope of the fixture that asks for it, \"worker\" or \"session\", or narrow that one"
)]
pub trait LivesAsLongAs<Asker> {}

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
impl<Asker> LivesAsLongAs<Asker> for AskerScope {}

/// Implemented by scopes whose values can be given away.
#[diagnostic::on_unimplemented(
    message = "a fixture of a wider scope than \"test\" is shared by many tests and cannot be owned by one",
    label = "borrow it: `&T`, or `&mut T` to use it alone",
    note = "only fixtures of scope \"test\" are given by value"
)]
pub trait ByValue {}

#[diagnostic::do_not_recommend]
impl ByValue for TestScope {}
#[diagnostic::do_not_recommend]
impl ByValue for AskerScope {}
