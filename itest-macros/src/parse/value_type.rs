//! Finds the type of a fixture in the function's return type.

use syn::{GenericArgument, ItemFn, PathArguments, ReturnType, Type};

use super::types::{self, borrowed_lifetime, source_text, without_group};
use crate::errors::Errors;

/// The type of a fixture: the return type, or the type in the returned `Result`.
pub(super) fn value_type(function: &ItemFn, errors: &mut Errors) -> Option<Type> {
    let ReturnType::Type(_, returned) = &function.sig.output else {
        errors.at(&function.sig.ident, "a fixture returns the value it makes: add `-> T` or `-> Result<T>`");
        return None;
    };
    let value_type = match result_content(without_group(returned)) {
        Ok(value_type) => without_group(value_type.unwrap_or(returned)),
        Err(result) => {
            errors.at(result, "this `Result` does not name the fixture's type: write `Result<T>`");
            return None;
        }
    };
    if let Some(problem) = problem(value_type) {
        errors.at(value_type, problem);
        return None;
    }
    if let Some(lifetime) = borrowed_lifetime(value_type) {
        errors.at(lifetime, "a fixture's value outlives the function that made it; let its type own what it holds");
        return None;
    }
    Some(value_type.clone())
}

/// The type `T` of `Result<T, …>`; `None` for any other type; an error for a `Result` without a type.
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

/// The message for a type that cannot be a fixture.
fn problem(value_type: &Type) -> Option<String> {
    let text = source_text(value_type);
    let problem = match value_type {
        Type::Path(path) if types::is_plain(&path.path) => {
            format!("is too common to be asked for by type; wrap it: `struct Name({text});`")
        }
        Type::Path(path) if types::is_foreign(&path.path) => {
            format!("is not a type of this crate, and a fixture is; wrap it: `struct Name({text});`")
        }
        Type::Path(_) | Type::Macro(_) => return None,
        Type::Tuple(tuple) if tuple.elems.is_empty() => {
            "cannot be asked for by type; return a type of your own: `struct Migrated;`".to_owned()
        }
        Type::Tuple(_) => format!("has no name to ask for it by; give it one: `struct Name{text};`"),
        Type::Array(_) | Type::Slice(_) | Type::FnPtr(_) => {
            format!("has no name to ask for it by; wrap it: `struct Name({text});`")
        }
        Type::Reference(_) => "is a reference; return an owned value, and tests borrow it as `&T`".to_owned(),
        Type::ImplTrait(_) | Type::TraitObject(_) => {
            "has no name to ask for it by; return a type of your own, or a `Box` in one".to_owned()
        }
        _ => "cannot be a fixture; return a type of your own".to_owned(),
    };
    Some(format!("`{text}` {problem}"))
}
