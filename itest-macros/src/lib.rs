//! The attribute macros of `itest`.
//!
//! Each macro has the same stages: `parse` reads tokens into the types of `model`, `check` validates the function as a whole, and `emit`
//! writes the expansion. Mistakes are collected and reported together. If there are mistakes, `fallback` writes an expansion with which
//! the rest of the file compiles.

#![forbid(unsafe_code)]

mod bounds;
mod check;
mod emit;
mod errors;
mod fallback;
mod inputs;
mod instances;
mod invisible;
mod invocation;
mod literals;
mod model;
mod parse;
mod paths;
mod placeholders;
mod scanner;
mod source;
mod spans;
mod suggestions;

#[cfg(test)]
mod snapshots;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;

/// Makes a function an integration test.
///
/// The function is sync or async and returns `()` or `Result<(), E>` for any displayable `E`. Each parameter requests a fixture
/// by its type: `T` is a fresh value, `&T` borrows the scope's only value, and `&mut T` borrows it exclusively.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `timeout = "10s"` | the time limit of the body; the default is the setting `timeout` |
/// | `retries = 2` | the number of further attempts after a failure |
/// | `serial`, `serial = "key"` | tests with the same key never run at the same time |
/// | `tags("a", "b")` | the tags by which `--tag` selects tests |
/// | `covers("POST /orders")` | the integration points that the test covers, as in [`macro@integration_points`] |
/// | `ignore = "reason"` | the test runs only with `--ignored` or `--include-ignored` |
/// | `workflow` | the test may have more than one `#[act]` … `#[assert]` |
/// | `threads = 4` | a multi-threaded tokio runtime of this test's own, with 1 to 1024 worker threads |
/// | `flavor = "current_thread"` | a current-thread tokio runtime of this test's own |
/// | `flavor = "multi_thread"` | the default: the worker's multi-threaded runtime, or with `threads` one of this test's own |
/// | `start_paused = true` | with `flavor = "current_thread"`: the body begins with `tokio::time::pause()` |
/// | `crate = my_library::itest` | the path of the crate `itest`, for a library or a macro that re-exports it |
///
/// `threads`, `flavor` and `start_paused` are for async tests. `start_paused` calls the suite's own `tokio`, with its feature `test-util`.
///
/// # Phases
///
/// `#[arrange]`, `#[act]` and `#[assert]` mark the first statement of a phase: `arrange? act assert`, and with `workflow`
/// `arrange? (act assert)+`. `#[act("words")]` describes the phase, and `#[act(within = "200ms")]` limits its duration. A test without
/// these attributes has one phase.
///
/// # Cases
///
/// `#[case(1, "a")]` and `#[case::name(1, "a")]` are rows of values for the parameters marked `#[case]`. A parameter marked
/// `#[values(1, 2)]` multiplies the cases. A parameter marked `#[files("tests/cases/*.json")]` takes a file of each case, and one marked
/// `#[cases(function)]` a value that the function returns; both are found when the suite starts. `#[over(T = [A, B])]` runs a generic test over several types; see [`macro@over`].
/// Parameters, values, types and phases may have the attribute `#[cfg(…)]`.
///
/// # Errors
///
/// Every mistake in one function is reported at once, on the smallest token.
#[proc_macro_attribute]
pub fn integration_test(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_test(&arguments.into(), item.into()).into()
}

/// Runs a generic test over several types. Use it together with `#[integration_test]` on a function with one type parameter.
///
/// `#[over(Db = [ShopSqlite, ShopPostgres])]` makes one case for each type, and parameters that name `Db` request the fixtures
/// of that type. The default name of a case is the last segment of its type's path: `sells_a_book::shop_sqlite`. You can set the
/// name: `#[over(Db = [sqlite: ShopSqlite, postgres: Store<Pg>])]`. Rows and values multiply the cases, and their names follow:
/// `sells_a_book::sqlite::case_1`.
///
/// # Errors
///
/// Every mistake in one function is reported at once, on the smallest token.
#[proc_macro_attribute]
pub fn over(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_over(&arguments.into(), item.into()).into()
}

/// Makes a function's return type a fixture. Tests and other fixtures request the fixture by naming the type.
///
/// The function is sync or async and returns `T` or `Result<T, E>` for any displayable `E`. Its parameters are fixtures as
/// well: `T`, `&T`, or `&Teardown` to register teardown steps.
///
/// The function may be generic over parameters of its return type: `fn shop<Db: Database>(db: &Db) -> Shop<Db>` makes `Shop<Db>` a
/// fixture for every fixture `Db` that implements `Database`.
///
/// # Arguments
///
/// `scope = "test"` (the default): one value for each test. `scope = "worker"`: one value for each worker process, shared by
/// its tests. `scope = "session"`: one value for the whole run. The type of a session fixture must implement serde's `Serialize` and
/// `Deserialize`, because the value is made in a separate process and sent to the workers.
///
/// `crate = my_library::itest`: the path of the crate `itest`, for a library or a macro that re-exports it.
///
/// # Errors
///
/// Every mistake in one function is reported at once, on the smallest token. A fixture that depends on one of a narrower
/// scope does not compile.
#[proc_macro_attribute]
pub fn fixture(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_fixture(&arguments.into(), item.into()).into()
}

/// Makes a function a durable teardown function. It gives a resource back even if the process that acquired the resource is killed.
///
/// The function is sync or async, has one parameter whose type implements serde's `Serialize` and `Deserialize`, and returns `()` or
/// `Result<(), E>` for any displayable `E`. Pass it to `Teardown::durable` with a value for its parameter before you acquire the
/// resource. The function may be called more than once, and must succeed if there is nothing to give back.
///
/// The ledger contains the function's name with its module path. A run is rejected if two functions have the same name.
///
/// # Arguments
///
/// `crate = my_library::itest`: the path of the crate `itest`, for a library or a macro that re-exports it. The name in the ledger then
/// begins with the library's name.
///
/// # Errors
///
/// Every mistake in one function is reported at once, on the smallest token.
#[proc_macro_attribute]
pub fn teardown(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_teardown(&arguments.into(), item.into()).into()
}

/// Makes a function an invariant: a claim that holds after every test that uses all fixtures that the function borrows.
///
/// The function is sync or async and returns `()` or `Result<(), E>` for any displayable `E`. Its parameters are fixtures, each as `&T`: the
/// value that the test has used. The function runs after the body of the test and before its teardown, also if the body has failed. A
/// test uses a fixture if it, or a fixture that it uses, borrows the fixture. An invariant without parameters runs after every test.
///
/// A broken invariant fails the test. A run is rejected if no test uses all fixtures of an invariant.
///
/// # Arguments
///
/// `timeout = "10s"`: the time limit of the function; the default is the setting `timeout`.
///
/// `crate = my_library::itest`: the path of the crate `itest`, for a library or a macro that re-exports it.
///
/// # Errors
///
/// Every mistake in one function is reported at once, on the smallest token.
#[proc_macro_attribute]
pub fn invariant(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_invariant(&arguments.into(), item.into()).into()
}

/// Declares integration points of the code under test, whether a test covers them or not. Then the report of `--integration-coverage` names
/// those that no test covers.
///
/// | point | meaning |
/// |---|---|
/// | `"POST /orders/{id}/pay"` | an endpoint of the code under test |
/// | `"call payments POST /charge"` | a request of the code under test to another service |
/// | `"call mail"` | a call to a service that does not use HTTP |
/// | `"publish order.paid"` | a message that the code under test publishes |
/// | `"consume order.paid"` | a message that the code under test receives |
/// | `"table orders"` | a table that the code under test reads or writes |
/// | `"workflow order life cycle"` | a process over several steps |
///
/// A segment in braces stands for any value, and `{*path}` at the end for any number of segments.
///
/// # Errors
///
/// Every mistake is reported at once, on the point that has it.
#[proc_macro]
pub fn integration_points(points: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_points(points.into()).into()
}

fn expand_points(points: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let (itest, _) = paths::itest(&TokenStream::new(), &mut errors);
    let points = parse::points(points, &mut errors);
    match errors.finish() {
        Ok(()) => emit::points(&points, &itest),
        Err(messages) => messages,
    }
}

fn expand_test(arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = match parse::function(item, "#[integration_test]", &mut errors) {
        Ok(function) => function,
        Err(rest) => return fallback::item(&rest, errors),
    };
    let (itest, own) = paths::itest(arguments, &mut errors);
    if let Some(variants) = parse::split(&quote!(#itest::integration_test), arguments, &function) {
        return variants;
    }
    let test = parse::test(own, function, &mut errors);
    check::test(&test, &mut errors);
    match errors.finish() {
        Ok(()) => emit::test(&test, &itest),
        Err(messages) => fallback::function(&test.function, &messages),
    }
}

fn expand_over(arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = match parse::function(item, "#[over]", &mut errors) {
        Ok(function) => function,
        Err(rest) => return fallback::item(&rest, errors),
    };
    let function = parse::move_below_test_attribute(arguments, function, &mut errors);
    match errors.finish() {
        Ok(()) => quote!(#function),
        Err(messages) => fallback::function(&function, &messages),
    }
}

fn expand_fixture(arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = match parse::function(item, "#[fixture]", &mut errors) {
        Ok(function) => function,
        Err(rest) => return fallback::item(&rest, errors),
    };
    let (itest, own) = paths::itest(arguments, &mut errors);
    if let Some(variants) = parse::split(&quote!(#itest::fixture), arguments, &function) {
        return variants;
    }
    let fixture = parse::fixture(own, function, &mut errors);
    check::fixture(&fixture, &mut errors);
    match errors.finish() {
        Ok(()) => emit::fixture(&fixture, &itest),
        Err(messages) => fallback::fixture(&fixture, &messages, &itest),
    }
}

fn expand_invariant(arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = match parse::function(item, "#[invariant]", &mut errors) {
        Ok(function) => function,
        Err(rest) => return fallback::item(&rest, errors),
    };
    let (itest, own) = paths::itest(arguments, &mut errors);
    if let Some(variants) = parse::split(&quote!(#itest::invariant), arguments, &function) {
        return variants;
    }
    let invariant = parse::invariant(own, function, &mut errors);
    match errors.finish() {
        Ok(()) => emit::invariant(&invariant, &itest),
        Err(messages) => fallback::function(&invariant.function, &messages),
    }
}

fn expand_teardown(arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = match parse::function(item, "#[teardown]", &mut errors) {
        Ok(function) => function,
        Err(rest) => return fallback::item(&rest, errors),
    };
    let (itest, own) = paths::itest(arguments, &mut errors);
    if let Some(variants) = parse::split(&quote!(#itest::teardown), arguments, &function) {
        return variants;
    }
    let teardown = parse::teardown(own, function, &mut errors);
    match (errors.finish(), &teardown.argument) {
        (Ok(()), Some(argument)) => emit::teardown(&teardown, argument, &itest),
        (messages, _) => fallback::teardown(&teardown, &messages.err().unwrap_or_default(), &itest),
    }
}
