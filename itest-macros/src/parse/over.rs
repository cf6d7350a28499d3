//! Parses `#[over(Db = [ShopSqlite, ShopPostgres])]`, the types that a test runs over.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, TokenStreamExt};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::token::Bracket;
use syn::{Attribute, Generics, Ident, ItemFn, Meta, Token, Type, bracketed, parse_quote};

use super::conditional::Conditional;
use super::types::{source_text, without_group};
use super::words::suggestion;
use crate::errors::Errors;
use crate::model::{Over, OverType};

const EXAMPLE: &str = "`#[over(Db = [ShopSqlite, ShopPostgres])]`";

/// Removes `#[over(...)]` from a function's attributes and parses it.
pub(super) fn take(attributes: &mut Vec<Attribute>, generics: &Generics, errors: &mut Errors) -> Option<Over> {
    let mut attributes = attributes.extract_if(.., |attribute| is_over(attribute)).collect::<Vec<_>>().into_iter();
    let first = attributes.next()?;
    for other in attributes {
        errors.at(other.path(), "`#[over]` stands here twice; list all types in one");
    }
    let Some(list) = list(&first, errors) else { return Some(Over { parameter: None, types: Vec::new() }) };
    let parameter = known(list.parameter, generics, errors);
    if list.entries.is_empty() {
        let message = format!("without a type there is no case; write {EXAMPLE}");
        errors.push(syn::Error::new(list.bracket.span.join(), message));
    }
    Some(Over { parameter, types: types(list.entries, errors) })
}

/// Moves an `#[over(...)]` above `#[integration_test]` below it, because `#[integration_test]` parses it there.
pub(crate) fn move_below_test_attribute(arguments: &TokenStream, mut function: ItemFn, errors: &mut Errors) -> ItemFn {
    let is_test =
        |attribute: &Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "integration_test");
    if let Some(position) = function.attrs.iter().position(is_test) {
        function.attrs.insert(position + 1, parse_quote!(#[over(#arguments)]));
    } else {
        let message = "`#[over]` makes cases of a test, and this function is none; add `#[integration_test]`";
        errors.push(syn::Error::new(Span::call_site(), message));
    }
    function
}

/// Whether the attribute is `#[over]`, under any path.
pub(super) fn is_over(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "over")
}

/// The arguments of the attribute.
pub(super) struct List {
    parameter: Ident,
    bracket: Bracket,
    pub(super) entries: Vec<Conditional<Entry>>,
}

/// An entry of the list: `Type` or `name: Type`.
#[derive(Clone)]
pub(super) struct Entry {
    name: Option<Ident>,
    written: Type,
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let parameter = input.parse()?;
        input.parse::<Token![=]>()?;
        let content;
        let bracket = bracketed!(content in input);
        let entries = Punctuated::<Conditional<Entry>, Token![,]>::parse_terminated(&content)?;
        input.parse::<Option<Token![,]>>()?;
        if !input.is_empty() {
            return Err(input.error("a test runs over one list of types"));
        }
        Ok(Self { parameter, bracket, entries: entries.into_iter().collect() })
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let is_named = input.peek(Ident::peek_any) && input.peek2(Token![:]) && !input.peek2(Token![::]);
        let name = if is_named {
            let name = input.call(Ident::parse_any)?;
            input.parse::<Token![:]>()?;
            Some(name)
        } else {
            None
        };
        Ok(Self { name, written: input.parse()? })
    }
}

impl ToTokens for List {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { parameter, bracket, entries } = self;
        parameter.to_tokens(tokens);
        <Token![=]>::default().to_tokens(tokens);
        bracket.surround(tokens, |tokens| tokens.append_separated(entries, <Token![,]>::default()));
    }
}

impl ToTokens for Entry {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        if let Some(name) = &self.name {
            name.to_tokens(tokens);
            <Token![:]>::default().to_tokens(tokens);
        }
        self.written.to_tokens(tokens);
    }
}

fn list(attribute: &Attribute, errors: &mut Errors) -> Option<List> {
    let Meta::List(list) = &attribute.meta else {
        errors.at(&attribute.meta, format_args!("expected a type parameter and its types, as in {EXAMPLE}"));
        return None;
    };
    match list.parse_args::<List>() {
        Ok(list) => Some(list),
        Err(error) if list.tokens.is_empty() => {
            let message = format!("expected a type parameter and its types, as in {EXAMPLE}");
            errors.push(syn::Error::new(error.span(), message));
            None
        }
        Err(error) => {
            errors.push(syn::Error::new(error.span(), format_args!("{error}; write {EXAMPLE}")));
            None
        }
    }
}

/// Returns the parameter if the function has a type parameter with this name.
fn known(parameter: Ident, generics: &Generics, errors: &mut Errors) -> Option<Ident> {
    let declared: Vec<String> = generics.type_params().map(|declared| declared.ident.to_string()).collect();
    if declared.iter().any(|declared| parameter == declared) {
        return Some(parameter);
    }
    let hint = if declared.is_empty() {
        format!("add it: `fn name<{parameter}: Trait>(…)`")
    } else {
        suggestion(&parameter.to_string(), &declared.iter().map(String::as_str).collect::<Vec<_>>())
    };
    errors.at(&parameter, format_args!("the function has no type parameter `{parameter}`; {hint}"));
    None
}

fn types(entries: Vec<Conditional<Entry>>, errors: &mut Errors) -> Vec<OverType> {
    let mut types: Vec<OverType> = Vec::new();
    for Conditional { attributes, value: Entry { name, written } } in entries {
        if let Some(attribute) = attributes.first() {
            errors.at(attribute.path(), "a type in this list bears no attribute but `#[cfg(…)]`; remove this");
        }
        let Some(case) = name.as_ref().map(|name| name.unraw().to_string()).or_else(|| case_name(&written)) else {
            let text = source_text(&written);
            errors.at(&written, format_args!("`{text}` gives its case no name; name it: `name: {text}`"));
            continue;
        };
        let text = written.to_token_stream().to_string();
        if types.iter().any(|earlier| earlier.written.to_token_stream().to_string() == text) {
            errors.at(&written, "this type stands in the list already; remove it");
            continue;
        }
        if types.iter().any(|earlier| earlier.case == case) {
            let text = source_text(&written);
            let message = format!("another type's case is named `{case}`, too; name this one: `name: {text}`");
            match &name {
                Some(name) => errors.at(name, format_args!("another case is named `{case}`, too; rename one of them")),
                None => errors.at(&written, message),
            }
            continue;
        }
        types.push(OverType { case, written });
    }
    types
}

/// The last segment of a type's path, in snake case.
fn case_name(written: &Type) -> Option<String> {
    match without_group(written) {
        Type::Path(path) => path.path.segments.last().map(|last| snake_case(&last.ident.unraw().to_string())),
        _ => None,
    }
}

fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (position, letter) in letters.iter().enumerate() {
        let before = position.checked_sub(1).and_then(|position| letters.get(position));
        let begins_word = before.is_some_and(|before| {
            let ends_capitals =
                before.is_uppercase() && letters.get(position + 1).is_some_and(|next| next.is_lowercase());
            before.is_lowercase() || before.is_ascii_digit() || ends_capitals
        });
        if letter.is_uppercase() && begins_word {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn case_is_named_after_its_type() {
        let names = [
            (parse_quote!(ShopSqlite), "shop_sqlite"),
            (parse_quote!(crate::stores::Store<Pg>), "store"),
            (parse_quote!(HTTPGateway), "http_gateway"),
            (parse_quote!(Mysql8Store), "mysql8_store"),
            (parse_quote!(r#type), "type"),
            (parse_quote!(My_Sql), "my_sql"),
        ];
        for (written, name) in names {
            assert_eq!(case_name(&written).as_deref(), Some(name));
        }
        assert_eq!(case_name(&parse_quote!((A, B))), None);
    }
}
