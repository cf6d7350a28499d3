//! Paths and topics with placeholders: `/orders/{id}/pay`, `orders.{id}.paid`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// The text of a placeholder whose name does not matter.
const PLACEHOLDER: &str = "{}";

/// The placeholder of a value that looks generated, in a path that no template declares.
const GENERALIZED: &str = "{id}";

/// A path or a topic whose variable segments are placeholders. Two templates that differ only in the names of placeholders are equal.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    text: String,
    /// The text without the names of placeholders.
    key: String,
}

impl Template {
    /// A template from its text, such as `/orders/{id}`.
    pub(super) fn new(text: &str) -> Self {
        let mut key = String::with_capacity(text.len());
        for (segment, separator) in segments(text, separators(text)) {
            key.push_str(if is_rest(segment) {
                "{*}"
            } else if is_placeholder(segment) {
                PLACEHOLDER
            } else {
                segment
            });
            key.extend(separator);
        }
        Self { text: text.to_owned(), key }
    }

    /// The template of a path that no template declares: its numbers, UUIDs and long hexadecimal words become placeholders.
    pub(super) fn generalized(text: &str) -> Self {
        let mut general = String::with_capacity(text.len());
        for (segment, separator) in segments(text, separators(text)) {
            general.push_str(if is_generated(segment) { GENERALIZED } else { segment });
            general.extend(separator);
        }
        Self::new(&general)
    }

    /// The text, with the names of placeholders.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The number of segments; none if the last segment matches any number of them.
    pub(super) fn length(&self) -> Option<usize> {
        let last = segments(&self.key, separators(&self.key)).last();
        last.is_none_or(|(segment, _)| !is_rest(segment)).then(|| length(&self.key))
    }

    /// How many segments of a path are literally those of the template. None if the path does not match.
    pub(super) fn matches(&self, path: &str) -> Option<usize> {
        let separators = separators(&self.key);
        let (mut own, mut others) = (segments(&self.key, separators), segments(path, separators));
        let mut literal = 0;
        loop {
            match (own.next(), others.next()) {
                (None, None) => return Some(literal),
                (Some((segment, _)), Some(_)) if is_rest(segment) => return Some(literal),
                (Some((segment, separator)), Some((other, others_separator))) => {
                    let is_value = segment == PLACEHOLDER && !other.is_empty();
                    if separator != others_separator || (segment != other && !is_value) {
                        return None;
                    }
                    literal += usize::from(segment == other);
                }
                _ => return None,
            }
        }
    }
}

/// The number of segments of a path or a topic.
pub(super) fn length(text: &str) -> usize {
    segments(text, separators(text)).count()
}

/// The characters between the segments. A path of HTTP has no dots between segments, because the name of a file contains one.
fn separators(text: &str) -> &'static [char] {
    if text.starts_with('/') { &['/'] } else { &['/', '.'] }
}

/// The segments of a path or a topic, each with the separator behind it.
fn segments<'t>(text: &'t str, separators: &'static [char]) -> impl Iterator<Item = (&'t str, Option<char>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(separators) else {
            rest = None;
            return Some((text, None));
        };
        rest = Some(&text[at + 1..]);
        Some((&text[..at], text[at..].chars().next()))
    })
}

fn is_placeholder(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}

fn is_rest(segment: &str) -> bool {
    segment.starts_with("{*") && segment.ends_with('}')
}

/// Whether a segment is a number, a UUID, or a long hexadecimal word, which no author of an API has chosen as a name.
fn is_generated(segment: &str) -> bool {
    let digits = segment.strip_prefix('-').unwrap_or(segment);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let groups = [8, 4, 4, 4, 12];
    let mut parts = segment.split('-');
    let is_uuid =
        groups.iter().all(|length| parts.next().is_some_and(|part| part.len() == *length && is_hexadecimal(part)))
            && parts.next().is_none();
    let is_long = [24, 32, 40, 64].contains(&segment.len())
        && is_hexadecimal(segment)
        && segment.bytes().any(|byte| byte.is_ascii_digit());
    is_uuid || is_long
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Template {}

impl PartialOrd for Template {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Template {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for Template {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn path_matches_a_template_with_placeholders() {
        let template = Template::new("/orders/{id}/pay");
        assert_eq!(template.matches("/orders/17/pay"), Some(3));
        assert_eq!(template.matches("/orders//pay"), None);
        assert_eq!(template.matches("/orders/17"), None);
        assert_eq!(template.matches("/orders/17/pay/"), None);
        assert_eq!(Template::new("/files/{*path}").matches("/files/a/b.txt"), Some(2));
        assert_eq!(Template::new("/files/{*path}").length(), None);
        assert_eq!(Template::new("orders.{id}.paid").matches("orders.17.paid"), Some(2));
        assert_eq!(Template::new("orders.{id}.paid").matches("orders/17/paid"), None);
    }

    #[test]
    fn names_of_placeholders_do_not_matter() {
        assert_eq!(Template::new("/orders/{id}"), Template::new("/orders/{order}"));
        assert_ne!(Template::new("/orders/{id}"), Template::new("/orders/id"));
    }

    #[test]
    fn only_generated_segments_are_generalized() {
        let general = |path| Template::generalized(path).as_str().to_owned();
        assert_eq!(general("/orders/17/items/-3"), "/orders/{id}/items/{id}");
        assert_eq!(general("/files/0d9e2f6a-7a52-4b43-9d3e-1f4c5b6a7d8e"), "/files/{id}");
        assert_eq!(general("/docs/507f1f77bcf86cd799439011"), "/docs/{id}");
        for kept in ["/v1/orders", "/orders/abc", "/deadbeef", "/2fa", "/order-17", "/", ""] {
            assert_eq!(general(kept), kept);
        }
    }

    proptest! {
        #[test]
        fn path_made_from_a_template_matches_it(words in prop::collection::vec("[a-z]{1,6}|\\{[a-z]{1,4}\\}", 1..6), value in "[a-z0-9-]{1,9}") {
            let template = Template::new(&format!("/{}", words.join("/")));
            let path: Vec<&str> =
                words.iter().map(|word| if word.starts_with('{') { value.as_str() } else { word.as_str() }).collect();
            let path = format!("/{}", path.join("/"));
            let placeholders = words.iter().filter(|word| word.starts_with('{')).count();
            prop_assert_eq!(template.matches(&path), Some(words.len() + 1 - placeholders));
            prop_assert_eq!(template.length(), Some(length(&path)));
            let longer = format!("{path}/more");
            prop_assert_eq!(template.matches(&longer), None);
        }

        #[test]
        fn generalized_path_matches_the_path(path in "[a-z0-9/.-]{0,30}") {
            let general = Template::generalized(&path);
            prop_assert!(general.matches(&path).is_some(), "{} does not match {}", general.as_str(), path);
            prop_assert_eq!(Template::generalized(general.as_str()), general);
        }
    }
}
