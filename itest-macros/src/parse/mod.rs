//! Tokens in, model out; what cannot be understood is told and replaced by a default.

mod arguments;
mod parameters;
mod phases;
mod words;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, GenericArgument, ItemFn, PathArguments, ReturnType, Type};

use crate::errors::Errors;
use crate::model::{Fixture, Test};

/// Reads a function, or tells what was found instead.
pub(crate) fn function(item: &TokenStream, attribute: &str, errors: &mut Errors) -> Option<ItemFn> {
    match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => Some(function),
        Err(error) => {
            match syn::parse2::<syn::Item>(item.clone()) {
                // Some other item: the mistake is where the attribute stands, not what syn stumbled over.
                Ok(other) => {
                    let first = other.to_token_stream().into_iter().next();
                    errors.at(first, format_args!("{attribute} belongs on a function"));
                }
                Err(_) => errors.push(error),
            }
            None
        }
    }
}

/// Reads a test.
pub(crate) fn test(arguments: TokenStream, mut function: ItemFn, errors: &mut Errors) -> Test {
    let arguments = arguments::test(arguments, errors);
    let rows = parameters::take_rows(&mut function.attrs, errors);
    words::refuse_foreign_attributes(&mut function.attrs, errors);
    let parameters = parameters::take(&mut function.sig, parameters::Owner::Test, errors);
    let (marks, has_prelude) = phases::take(&mut function.block, errors);
    Test { conditions: conditions(&function.attrs), function, arguments, parameters, rows, marks, has_prelude }
}

/// Reads a fixture.
pub(crate) fn fixture(arguments: TokenStream, mut function: ItemFn, errors: &mut Errors) -> Fixture {
    let scope = arguments::fixture(arguments, errors);
    for row in parameters::take_rows(&mut function.attrs, errors) {
        errors.at(row.attribute.path(), "a fixture has no cases; put `#[case]` on the tests that ask for it");
    }
    words::refuse_foreign_attributes(&mut function.attrs, errors);
    let parameters = parameters::take(&mut function.sig, parameters::Owner::Fixture, errors);
    let (marks, _) = phases::take(&mut function.block, errors);
    for mark in marks {
        let message = format!("`#[{}]` marks a phase of a test; a fixture runs in the test's setup", mark.phase.word());
        errors.push(syn::Error::new(mark.span, message));
    }
    let made = made(&function, errors);
    Fixture { conditions: conditions(&function.attrs), function, scope, parameters, made }
}

fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

/// The type that a fixture makes: what it returns, or what is in the `Result` that it returns.
fn made(function: &ItemFn, errors: &mut Errors) -> Option<Type> {
    let ReturnType::Type(_, returned) = &function.sig.output else {
        errors.at(&function.sig.ident, "a fixture returns the value it makes: add `-> T` or `-> Result<T>`");
        return None;
    };
    let made = match result_content(returned) {
        Ok(made) => made.unwrap_or(returned),
        Err(result) => {
            errors.at(result, "this `Result` does not name the fixture's type: write `Result<T>`");
            return None;
        }
    };
    let complaint = match made {
        Type::Path(path) if words::is_plain_type(&path.path) => {
            "is too common to be asked for by type; wrap it: `struct Port(u16);`"
        }
        Type::Path(_) => return Some(made.clone()),
        Type::Tuple(tuple) if tuple.elems.is_empty() => {
            "is nothing to ask for; a fixture returns the value it makes, and `()` cannot be told apart by type"
        }
        Type::Tuple(_) | Type::Array(_) | Type::Slice(_) | Type::FnPtr(_) => {
            "has no name to ask for it by; wrap it: `struct Name(…);`"
        }
        Type::Reference(_) => "would be a reference; a fixture returns an owned value, and tests borrow it as `&T`",
        Type::ImplTrait(_) | Type::TraitObject(_) => {
            "has no name to ask for it by; return a type of your own, or `Box` it in one"
        }
        _ => "cannot be a fixture; return a type of your own",
    };
    errors.at(made, format_args!("`{}` {complaint}", words::source_text(made)));
    None
}

/// `T` of `Result<T, …>`, `None` for anything but a `Result`, and an error for a `Result` of nothing.
fn result_content(returned: &Type) -> Result<Option<&Type>, &Type> {
    let Type::Path(path) = returned else { return Ok(None) };
    let Some(last) = path.path.segments.last().filter(|last| last.ident == "Result") else { return Ok(None) };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Err(returned) };
    let content = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(content) => Some(content),
        _ => None,
    });
    content.map(Some).ok_or(returned)
}
