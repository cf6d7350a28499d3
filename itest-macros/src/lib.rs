//! The attribute macros of `itest`.
//!
//! Each goes the same way: `parse` reads tokens into the types of `model`, `check` looks at what only makes sense as a
//! whole, `emit` writes the expansion. Mistakes are gathered on the way and told all at once; then `fallback` writes what
//! keeps the rest of the file compiling.

#![forbid(unsafe_code)]

mod bounds;
mod check;
mod emit;
mod errors;
mod fallback;
mod inputs;
mod instances;
mod invisible;
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
/// The function is sync or async and returns `()` or `Result<(), E>` for any displayable `E`. Each parameter is a fixture,
/// asked for by its type: `T` is a fresh value, `&T` the scope's one value, `&mut T` the same for this test alone.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `timeout = "10s"` | the budget of the body; the default is the setting `timeout` |
/// | `retries = 2` | so many more attempts after a failure |
/// | `serial`, `serial = "key"` | never beside another test of the same key |
/// | `tags("a", "b")` | words for `--tag` |
/// | `covers("POST /orders")` | the integration points that the test covers |
/// | `ignore = "reason"` | left out unless asked for by `--ignored` or `--include-ignored` |
/// | `workflow` | more than one `#[act]` … `#[assert]` |
/// | `threads = 4` | a multi-threaded tokio runtime of this test's own, with 1 to 1024 worker threads |
/// | `flavor = "current_thread"` | a current-thread tokio runtime of this test's own |
/// | `flavor = "multi_thread"` | the default: the worker's multi-threaded runtime, or with `threads` one of this test's own |
/// | `start_paused = true` | with `flavor = "current_thread"`: the body begins with `tokio::time::pause()` |
/// | `crate = my_library::itest` | where the crate `itest` is, for a library or a macro that re-exports it |
///
/// `threads`, `flavor` and `start_paused` are for async tests. `start_paused` calls the suite's own `tokio`, with its feature `test-util`.
///
/// # Phases
///
/// `#[arrange]`, `#[act]` and `#[assert]` mark the first statement of a phase: `arrange? act assert`, and with `workflow`
/// `arrange? (act assert)+`. `#[act("words")]` describes it, `#[act(within = "200ms")]` limits it. A test without marks is
/// one phase.
///
/// # Cases
///
/// `#[case(1, "a")]` and `#[case::name(1, "a")]` are rows for the parameters marked `#[case]`; a parameter marked
/// `#[values(1, 2)]` multiplies the cases. `#[over(T = [A, B])]` runs a generic test over several types; see [`macro@over`].
/// Parameters, values, types and phases may bear a `#[cfg(…)]`.
///
/// # Errors
///
/// Every mistake in one function is reported at once, on the smallest token.
#[proc_macro_attribute]
pub fn integration_test(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_test(&arguments.into(), item.into()).into()
}

/// Runs a generic test over several types: beside `#[integration_test]`, on a function with one type parameter.
///
/// `#[over(Db = [ShopSqlite, ShopPostgres])]` makes a case of each type, and parameters that name `Db` ask for the fixtures
/// of that type. A case is named after the last word of its type's path, `sells_a_book::shop_sqlite`, or as is said:
/// `#[over(Db = [sqlite: ShopSqlite, postgres: Store<Pg>])]`. Rows and values multiply the cases and stand behind:
/// `sells_a_book::sqlite::case_1`.
///
/// # Errors
///
/// Every mistake in one function is reported at once, on the smallest token.
#[proc_macro_attribute]
pub fn over(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_over(&arguments.into(), item.into()).into()
}

/// Makes a function's return type a fixture: tests and other fixtures ask for it by naming the type.
///
/// The function is sync or async and returns `T` or `Result<T, E>` for any displayable `E`. Its parameters are fixtures,
/// too: `T`, `&T`, or `&Teardown` to register what must be undone.
///
/// The function may be generic in what its type is: `fn shop<Db: Database>(db: &Db) -> Shop<Db>` makes `Shop<Db>` a fixture
/// for every `Db` that is one and a `Database`.
///
/// # Arguments
///
/// `scope = "test"` (the default): a value for each test. `scope = "worker"`: a value for each worker process, shared by
/// its tests. `scope = "session"`: one value for the whole run; its type has serde's `Serialize` and `Deserialize`, because
/// it is made in a process of its own and handed to the workers.
///
/// `crate = my_library::itest`: where the crate `itest` is, for a library or a macro that re-exports it.
///
/// # Errors
///
/// Every mistake in one function is reported at once, on the smallest token. A fixture that depends on one of a narrower
/// scope does not compile.
#[proc_macro_attribute]
pub fn fixture(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_fixture(&arguments.into(), item.into()).into()
}

/// Makes a function one that gives a resource back, whatever happens to the process that took it.
///
/// The function is sync or async, has one parameter with serde's `Serialize` and `Deserialize`, and returns `()` or
/// `Result<(), E>` for any displayable `E`. It is given to `Teardown::durable` with a value for its parameter, before the
/// resource is acquired. It must be content when there is nothing to give back, and may be called more than once.
///
/// Its name, with that of its module, stands in the ledger: two of one name are refused before a run.
///
/// # Arguments
///
/// `crate = my_library::itest`: where the crate `itest` is, for a library or a macro that re-exports it. The name in the ledger then begins
/// with the library.
///
/// # Errors
///
/// Every mistake in one function is reported at once, on the smallest token.
#[proc_macro_attribute]
pub fn teardown(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_teardown(&arguments.into(), item.into()).into()
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
    let function = parse::hand_down(arguments, function, &mut errors);
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
