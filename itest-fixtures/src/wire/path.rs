//! Paths with parameters, such as `/orders/{id}/pay`.

use percent_encoding::percent_decode_str;

/// The path of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathTemplate {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(Vec<u8>),
    Parameter(String),
}

impl PathTemplate {
    /// Reads a path. `{name}` stands for a whole segment.
    ///
    /// # Errors
    ///
    /// When no request can have such a path; the message says how to write it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!("the path {text:?} does not begin with a slash"));
        };
        if let Some((path, query)) = text.split_once('?') {
            return Err(format!("the path {text:?} has a query: write {path:?} and `.query(…)` for {query:?}"));
        }
        if text.contains('#') {
            return Err(format!("the path {text:?} has a fragment, which clients do not send"));
        }
        let segments =
            rest.split('/').map(|segment| match segment.strip_prefix('{').map(|name| name.strip_suffix('}')) {
                None if segment.contains(['{', '}']) => {
                    Err(format!("in the path {text:?}, a parameter such as {{id}} must be a whole segment"))
                }
                None => Ok(Segment::Literal(percent_decode_str(segment).collect())),
                Some(Some(name)) if !name.is_empty() && !name.contains(['{', '}']) => {
                    Ok(Segment::Parameter(name.to_owned()))
                }
                Some(_) => Err(format!("in the path {text:?}, the parameter {segment:?} has no name or no end")),
            });
        let segments: Vec<Segment> = segments.collect::<Result<_, _>>()?;
        for (position, segment) in segments.iter().enumerate() {
            if matches!(segment, Segment::Parameter(_)) && segments[..position].contains(segment) {
                return Err(format!("the path {text:?} has two parameters of the same name"));
            }
        }
        Ok(Self { segments, text: text.to_owned() })
    }

    /// The path as it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The values of the parameters if a path matches. A parameter does not match an empty segment.
    pub(super) fn parameters_of(&self, path: &str) -> Option<Vec<(String, String)>> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        if segments.len() != self.segments.len() {
            return None;
        }
        let mut parameters = Vec::new();
        for (wanted, segment) in self.segments.iter().zip(segments) {
            match wanted {
                Segment::Literal(literal) if literal.as_slice() == percent_decode_str(segment).collect::<Vec<u8>>() => {
                }
                Segment::Parameter(name) if !segment.is_empty() => parameters.push((name.clone(), decoded(segment))),
                _ => return None,
            }
        }
        Some(parameters)
    }
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        PathTemplate::parse(template).unwrap().parameters_of(path)
    }

    #[test]
    fn parameters_are_whole_segments_and_are_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(matched("/orders/{id}/pay", "/orders/7/pay"), Some(vec![pair("id", "7")]));
        assert_eq!(matched("/files/{name}", "/files/a%2Fb%20c"), Some(vec![pair("name", "a/b c")]));
        assert_eq!(matched("/orders/{id}/pay", "/orders//pay"), None);
        assert_eq!(matched("/orders/{id}", "/orders/7/pay"), None);
        assert_eq!(matched("/a b", "/a%20b"), Some(vec![]));
        assert_eq!(matched("/", "/"), Some(vec![]));
        assert_eq!(matched("/orders", "/orders/"), None);
    }

    #[test]
    fn path_that_no_request_can_have_is_refused() {
        for (path, reason) in [
            ("orders", "does not begin with a slash"),
            ("/orders?page=2", "write \"/orders\" and `.query(…)`"),
            ("/orders#top", "fragment"),
            ("/orders/{}", "no name"),
            ("/orders/{id", "no end"),
            ("/orders/x{id}", "whole segment"),
            ("/{id}/{id}", "two parameters of the same name"),
        ] {
            let refused = PathTemplate::parse(path).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
