//! Integration points: what a test may declare with `covers(...)`, and what exchanges show.

use std::fmt;

use super::template::Template;
use crate::model::PointKind;

/// The methods of HTTP that begin an endpoint. `itest-macros` has the same list, because a macro cannot depend on the runtime.
const METHODS: [&str; 10] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "QUERY"];

/// An endpoint, an outbound call, an event, a table or a workflow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Point {
    /// A request to the code under test: `POST /orders/{id}/pay`.
    Endpoint(HttpOperation),
    /// A request of the code under test to another service: `call payments POST /charge`.
    Call {
        /// The name of the service.
        service: String,
        /// The request; none for a service that does not use HTTP, such as a mail server.
        operation: Option<HttpOperation>,
    },
    /// A message that the code under test publishes: `publish order.paid`.
    Publish(Template),
    /// A message that the code under test receives: `consume order.paid`.
    Consume(Template),
    /// A table that the code under test reads or writes: `table orders`.
    Table(String),
    /// A process over several steps, which no exchange shows: `workflow order life cycle`.
    Workflow(String),
}

/// A method and a path of HTTP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HttpOperation {
    pub(super) method: String,
    pub(super) path: Template,
}

impl Point {
    /// Parses the text in `covers(...)`. None if the text is no integration point.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ')?;
        match word {
            "call" => parse_call(rest),
            "publish" => is_word(rest).then(|| Self::Publish(Template::new(rest))),
            "consume" => is_word(rest).then(|| Self::Consume(Template::new(rest))),
            "table" => is_word(rest).then(|| Self::table(rest)),
            "workflow" => is_plain(rest).then(|| Self::Workflow(rest.to_owned())),
            method => HttpOperation::parse(method, rest).map(Self::Endpoint),
        }
    }

    /// A table. The schema `public` of PostgreSQL is not part of its name.
    pub(super) fn table(name: &str) -> Self {
        Self::Table(name.strip_prefix("public.").unwrap_or(name).to_owned())
    }

    /// The kind of the point.
    pub(crate) fn kind(&self) -> PointKind {
        match self {
            Self::Endpoint(_) => PointKind::Endpoint,
            Self::Call { .. } => PointKind::Call,
            Self::Publish(_) => PointKind::Publish,
            Self::Consume(_) => PointKind::Consume,
            Self::Table(_) => PointKind::Table,
            Self::Workflow(_) => PointKind::Workflow,
        }
    }
}

/// Parses what follows `call`: the name of a service, and a request if the service uses HTTP.
fn parse_call(text: &str) -> Option<Point> {
    let words: Vec<&str> = text.split(' ').collect();
    if let [service @ .., method, path] = words.as_slice()
        && path.starts_with('/')
    {
        let operation = Some(HttpOperation::parse(method, path)?);
        let service = service.join(" ");
        return is_plain(&service).then_some(Point::Call { service, operation });
    }
    let is_service = is_plain(text) && !text.contains('/') && !words.iter().any(|word| METHODS.contains(word));
    is_service.then(|| Point::Call { service: text.to_owned(), operation: None })
}

impl HttpOperation {
    /// A request of a declaration.
    pub(super) fn parse(method: &str, path: &str) -> Option<Self> {
        (METHODS.contains(&method) && is_path(path))
            .then(|| Self { method: method.to_owned(), path: Template::new(path) })
    }

    /// A request that was seen.
    pub(super) fn of_request(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: Template::generalized(path) }
    }

    /// Splits the operation of an exchange, such as `POST /orders?draft=1`, into its method and its path.
    pub(super) fn split(operation: &str) -> Option<(&str, &str)> {
        let (method, target) = operation.split_once(' ')?;
        let path = target.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
        method.bytes().all(|byte| byte.is_ascii_uppercase()).then_some((method, path))
    }
}

/// Whether a text is one path without a query, whose placeholders are whole segments.
fn is_path(path: &str) -> bool {
    let is_segment = |segment: &str| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) => !name.is_empty() && !name.contains(['{', '}']),
            None => !segment.contains(['{', '}']) && !segment.starts_with(':'),
        }
    };
    path.starts_with('/')
        && !path.contains("//")
        && !path.contains(['?', '#'])
        && is_word(path)
        && path.split('/').all(is_segment)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|character: char| character.is_whitespace() || character.is_control())
}

/// Whether a text consists of words with single blanks between them.
fn is_plain(text: &str) -> bool {
    text.split(' ').all(is_word)
}

impl fmt::Display for HttpOperation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path.as_str())
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(operation) => write!(formatter, "{operation}"),
            Self::Call { service, operation: Some(operation) } => write!(formatter, "call {service} {operation}"),
            Self::Call { service, operation: None } => write!(formatter, "call {service}"),
            Self::Publish(topic) => write!(formatter, "publish {}", topic.as_str()),
            Self::Consume(topic) => write!(formatter, "consume {}", topic.as_str()),
            Self::Table(name) => write!(formatter, "table {name}"),
            Self::Workflow(name) => write!(formatter, "workflow {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn declaration_is_parsed_by_its_first_word() {
        for (text, kind) in [
            ("POST /orders", PointKind::Endpoint),
            ("GET /", PointKind::Endpoint),
            ("GET /files/{*path}", PointKind::Endpoint),
            ("call payments POST /charge", PointKind::Call),
            ("call token issuer GET /jwks", PointKind::Call),
            ("call mail", PointKind::Call),
            ("publish order.paid", PointKind::Publish),
            ("consume order.paid", PointKind::Consume),
            ("table orders", PointKind::Table),
            ("workflow order life cycle", PointKind::Workflow),
        ] {
            let point = Point::parse(text).unwrap();
            assert_eq!((point.kind(), point.to_string().as_str()), (kind, text));
        }
    }

    #[test]
    fn text_that_is_no_point_is_refused() {
        for text in [
            "",
            "orders",
            "POST",
            "POST ",
            "post /orders",
            "POST orders",
            "POST /orders?draft",
            "POST /a//b",
            "GET /:id",
            "GET /a{id}",
            "GET /{}",
            "GET  /a",
            " GET /a",
            "call",
            "call ",
            "call POST /charge",
            "call payments /charge",
            "call payments POST",
            "publish",
            "publish two words",
            "table a b",
            "workflow ",
            "workflow  a",
            "order is paid",
        ] {
            assert_eq!(Point::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn schema_public_is_not_part_of_the_name_of_a_table() {
        assert_eq!(Point::parse("table public.orders"), Point::parse("table orders"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_the_text_of_a_point_is_parsed_to_the_same_point(text in "(GET|call|publish|table|workflow|.{0,4}) ?[a-z/{}.* ]{0,20}") {
            if let Some(point) = Point::parse(&text) {
                prop_assert_eq!(Point::parse(&point.to_string()), Some(point));
            }
        }
    }
}
