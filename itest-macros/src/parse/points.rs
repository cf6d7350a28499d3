//! Checks the integration points in `covers(...)` and `integration_points!(...)`.

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, LitStr, Token};

use super::words::{suggestion, text};
use crate::errors::Errors;

/// The methods of HTTP that begin an endpoint. The runtime has the same list, because a macro cannot depend on it.
const METHODS: [&str; 10] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "QUERY"];

/// The words that begin the other points.
const WORDS: [&str; 5] = ["call", "publish", "consume", "table", "workflow"];

const EXAMPLE: &str = "integration_points!(\"POST /orders\", \"publish order.paid\")";

/// Reads the points in `integration_points!(...)`.
pub(crate) fn points(tokens: TokenStream, errors: &mut Errors) -> Vec<LitStr> {
    let values = match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(values) => values,
        Err(error) => {
            errors.push(error);
            return Vec::new();
        }
    };
    let points: Vec<LitStr> = values.iter().filter_map(|value| text(value, EXAMPLE, errors)).collect();
    for (position, point) in points.iter().enumerate() {
        if points[..position].iter().any(|earlier| earlier.value() == point.value()) {
            errors.at(point, format_args!("`{}` stands here twice; remove one", point.value()));
        }
    }
    check(&points, errors);
    points
}

/// Reports each text that is no integration point.
pub(super) fn check(points: &[LitStr], errors: &mut Errors) {
    for point in points {
        if let Err(mistake) = check_point(&point.value()) {
            errors.at(point, mistake);
        }
    }
}

fn check_point(point: &str) -> Result<(), String> {
    let words: Vec<&str> = point.split_whitespace().collect();
    let [first, rest @ ..] = words.as_slice() else {
        return Err("an empty text covers nothing; name what is covered or remove it".to_owned());
    };
    if point != words.join(" ") {
        return Err(format!("one blank stands between two words; write `{}`", words.join(" ")));
    }
    match *first {
        "call" => check_call(rest),
        "publish" | "consume" => one_word(rest, first, "topic", "order.paid"),
        "table" => one_word(rest, first, "table", "orders"),
        "workflow" if rest.is_empty() => {
            Err("the words that name the workflow are missing, as in `workflow order life cycle`".to_owned())
        }
        "workflow" => Ok(()),
        method if METHODS.contains(&method) => match rest {
            [path] => check_path(path),
            _ => Err(format!("one path follows the method, as in `{method} /orders/{{id}}`")),
        },
        other => Err(unknown(other)),
    }
}

fn unknown(word: &str) -> String {
    let method = word.to_uppercase();
    if METHODS.contains(&method.as_str()) {
        return format!("a method of HTTP is written in capital letters: `{method}`");
    }
    let hint = if word.starts_with('/') {
        "a method stands before the path, as in `GET /orders`".to_owned()
    } else {
        match suggestion(word, &WORDS) {
            likely if likely.starts_with("did") => likely,
            _ => "write `POST /orders`, `call payments POST /charge`, `publish order.paid`, `consume order.paid`, `table orders` or \
                  `workflow order life cycle`"
                .to_owned(),
        }
    };
    format!("no integration point begins with `{word}`; {hint}")
}

fn check_call(words: &[&str]) -> Result<(), String> {
    let example = "as in `call payments POST /charge`, or `call mail` for a service that does not use HTTP";
    let is_method = |word: &&str| METHODS.contains(word);
    match words {
        [] => Err(format!("the name of the service is missing, {example}")),
        [_, .., method, path] if path.starts_with('/') && is_method(method) => check_path(path),
        words if words.iter().any(|word| word.starts_with('/') || is_method(word)) => {
            Err(format!("a call names its service, then a method and a path, {example}"))
        }
        _ => Ok(()),
    }
}

fn one_word(words: &[&str], first: &str, what: &str, example: &str) -> Result<(), String> {
    match words {
        [_] => Ok(()),
        [] => Err(format!("the name of the {what} is missing, as in `{first} {example}`")),
        _ => Err(format!("the name of a {what} is one word, as in `{first} {example}`")),
    }
}

fn check_path(path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err(format!("a path begins with `/`: `/{path}`"));
    }
    if path.contains(['?', '#']) {
        return Err("a path has no query and no fragment; remove what follows the `?` or `#`".to_owned());
    }
    if path.contains("//") {
        return Err("a segment of the path is empty; remove one `/`".to_owned());
    }
    for segment in path.split('/') {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some(name) = segment.strip_prefix(':') {
            return Err(format!("a variable segment of a path is written in braces: `{{{name}}}`"));
        }
        let is_plain = !segment.contains(['{', '}']);
        if !is_plain && name.is_none_or(|name| name.is_empty() || name.contains(['{', '}'])) {
            return Err(format!("`{segment}` is no whole segment with a name in braces, such as `{{id}}`"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_point_is_accepted() {
        for point in [
            "POST /orders",
            "GET /",
            "GET /files/{*path}",
            "GET /orders/",
            "call payments POST /charge/{id}",
            "call token issuer GET /jwks",
            "call mail",
            "publish order.paid",
            "consume orders.{id}.paid",
            "table public.orders",
            "workflow order life cycle",
        ] {
            assert_eq!(check_point(point), Ok(()), "{point}");
        }
    }

    #[test]
    fn every_mistake_is_explained() {
        for (point, part) in [
            ("", "covers nothing"),
            (" GET /a", "write `GET /a`"),
            ("post /a", "`POST`"),
            ("/a", "a method stands before"),
            ("GET", "one path follows"),
            ("GET a", "`/a`"),
            ("GET /a?b", "no query"),
            ("GET //a", "is empty"),
            ("GET /:id", "`{id}`"),
            ("GET /a{id}", "`a{id}`"),
            ("GET /{}", "`{}`"),
            ("call", "service is missing"),
            ("call POST /a", "names its service"),
            ("call payments POST", "names its service"),
            ("call payments /a", "names its service"),
            ("publish", "`publish order.paid`"),
            ("consume a b", "one word"),
            ("table", "`table orders`"),
            ("workflow", "`workflow order life cycle`"),
            ("publishes a", "did you mean `publish`?"),
            ("order", "`workflow order life cycle`"),
        ] {
            let mistake = check_point(point).unwrap_err();
            assert!(mistake.contains(part), "{point}: {mistake}");
        }
    }
}
