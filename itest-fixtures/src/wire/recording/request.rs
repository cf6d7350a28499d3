//! A recorded request, and how it differs from another one.

use std::cmp::Reverse;

use itest_runtime::__private::redacted;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::json_difference::{Members, compare_json};
use super::super::received::Received;
use super::super::shown::{decoded, operation, redacted_pairs};
use super::body::RecordedBody;

/// A request as a recording contains it. Requests are compared in this form, so that secrets do not matter.
///
/// Headers are no part of it: most of them are secrets, or differ from run to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordedRequest {
    pub(super) method: String,
    pub(super) path: String,
    /// The query as it was sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<RecordedBody>,
}

/// How well two requests fit, from the most important property to the least: the same path, the same method, and the number of parts that
/// are equal. Of requests that fit equally well, the first one is the nearest.
type Fit = (bool, bool, usize, Reverse<usize>);

impl RecordedRequest {
    /// The number of parts that are compared: method, path, query and body.
    pub(super) const PARTS: usize = 4;

    pub(super) fn of(request: &Received) -> Self {
        Self {
            method: request.method().to_owned(),
            path: redacted(request.path()).into_owned(),
            query: redacted_pairs(request.raw_query()),
            body: RecordedBody::of(request.header_map(), request.bytes()),
        }
    }

    /// The request in one line: `POST /charge?page=2`.
    pub(super) fn operation(&self) -> String {
        operation(&self.method, &format!("{}?{}", self.path, self.query))
    }

    /// Describes each part in which a request differs from this one.
    pub(super) fn differences(&self, actual: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if actual.method != self.method {
            differences.push(format!("the method is {}, the recording wants {}", actual.method, self.method));
        }
        if actual.path != self.path {
            differences.push(format!("the path is {:?}, the recording wants {:?}", actual.path, self.path));
        }
        if pairs(&actual.query) != pairs(&self.query) {
            differences.push(format!("the query is {:?}, the recording wants {:?}", actual.query, self.query));
        }
        differences.extend(difference_of_bodies(actual.body.as_ref(), self.body.as_ref()));
        differences
    }

    /// How well a request fits this one, which stands at a position of the recording.
    pub(super) fn fit(&self, actual: &Self, position: usize) -> Fit {
        let equal_parts = Self::PARTS - self.differences(actual).len();
        (actual.path == self.path, actual.method == self.method, equal_parts, Reverse(position))
    }
}

/// The pairs of a query or form, decoded, in an order that does not depend on how they were sent.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    pairs.sort();
    pairs
}

fn difference_of_bodies(actual: Option<&RecordedBody>, wanted: Option<&RecordedBody>) -> Option<String> {
    match (actual, wanted) {
        (Some(RecordedBody::Json(actual)), Some(RecordedBody::Json(wanted))) => difference_of_json(actual, wanted),
        (Some(RecordedBody::Form(actual)), Some(RecordedBody::Form(wanted))) if pairs(actual) == pairs(wanted) => None,
        (actual, wanted) if actual == wanted => None,
        (actual, wanted) => Some(format!("the body is {}, the recording wants {}", shown(actual), shown(wanted))),
    }
}

fn difference_of_json(actual: &Value, wanted: &Value) -> Option<String> {
    let difference = compare_json(actual, wanted, Members::Exactly).err()?;
    Some(difference.in_words("the recording"))
}

/// The maximum number of characters of a body in a difference.
const MAX_SHOWN_CHARS: usize = 200;

fn shown(body: Option<&RecordedBody>) -> String {
    match body {
        None => "empty".to_owned(),
        Some(RecordedBody::Json(json)) => format!("the JSON {}", shortened(&json.to_string())),
        Some(RecordedBody::Form(text)) => format!("the form {:?}", shortened(text)),
        Some(RecordedBody::Text(text)) => format!("the text {:?}", shortened(text)),
        Some(bytes @ RecordedBody::Base64(_)) => format!("{} bytes that are no text", bytes.to_bytes().len()),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(query: &str, body: Option<RecordedBody>) -> RecordedRequest {
        RecordedRequest { method: "POST".to_owned(), path: "/charge".to_owned(), query: query.to_owned(), body }
    }

    #[test]
    fn order_of_queries_fields_and_members_does_not_matter() {
        let form = |text: &str| Some(RecordedBody::Form(text.to_owned()));
        for (one, other) in [
            (request("a=1&b=x+y", None), request("b=x%20y&a=1", None)),
            (request("", form("a=1&b=2")), request("", form("b=2&a=1"))),
            (
                request("", Some(RecordedBody::Json(json!({"a": 1, "b": 2})))),
                request("", Some(RecordedBody::Json(json!({"b": 2.0, "a": 1})))),
            ),
        ] {
            assert_eq!(one.differences(&other), Vec::<String>::new());
        }
    }

    #[test]
    fn each_difference_is_named() {
        let recorded = request("page=1", Some(RecordedBody::Json(json!({"amount": 2600}))));
        let actual = RecordedRequest {
            method: "PUT".to_owned(),
            path: "/charges".to_owned(),
            ..request("page=2", Some(RecordedBody::Json(json!({"amount": 2600, "note": "x"}))))
        };
        let expected = [
            "the method is PUT, the recording wants POST",
            "the path is \"/charges\", the recording wants \"/charge\"",
            "the query is \"page=2\", the recording wants \"page=1\"",
            "the recording does not want /note",
        ];
        assert_eq!(recorded.differences(&actual), expected);
        let text = request("page=1", Some(RecordedBody::Text("hello".to_owned())));
        let expected = ["the body is the text \"hello\", the recording wants the JSON {\"amount\":2600}"];
        assert_eq!(recorded.differences(&text), expected);
    }
}
