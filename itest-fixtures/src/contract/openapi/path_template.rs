//! Paths of operations, such as `/orders/{id}` and `/files/{name}.{format}`.

use percent_encoding::percent_decode_str;

/// The path of operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathTemplate {
    pub(super) text: String,
    segments: Vec<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Parameter(String),
}

impl PathTemplate {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// When it does not begin with a slash, or a parameter has no end.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!("the path {text:?} does not begin with a slash"));
        };
        // A path may have a fragment that distinguishes operations in the description, and that no client sends.
        let rest = rest.split(['?', '#']).next().unwrap_or(rest);
        let segments = rest.split('/').map(|segment| pieces(segment).ok_or(segment));
        let segments = segments
            .collect::<Result<_, _>>()
            .map_err(|segment| format!("in the path {text:?}, a parameter of {segment:?} has no name or no end"))?;
        Ok(Self { text: text.to_owned(), segments })
    }

    /// The values of the parameters as they were sent, if the path matches.
    pub(super) fn parameters_of(&self, path: &[&str]) -> Option<Vec<(String, String)>> {
        if path.len() != self.segments.len() {
            return None;
        }
        let mut parameters = Vec::new();
        for (pieces, segment) in self.segments.iter().zip(path) {
            if !matches(pieces, segment, &mut parameters) {
                return None;
            }
        }
        Some(parameters)
    }

    /// How much of the path is fixed. Of the paths that match, the one with the most fixed segments counts.
    pub(super) fn literal_segments(&self) -> usize {
        let is_literal = |pieces: &&Vec<Piece>| matches!(pieces[..], [] | [Piece::Literal(_)]);
        self.segments.iter().filter(is_literal).count()
    }

    /// Whether a request may match both this path and a pattern, in which a segment in braces stands for any segment.
    pub(super) fn overlaps(&self, pattern: &[&str]) -> bool {
        pattern.len() == self.segments.len()
            && self.segments.iter().zip(pattern).all(|(pieces, segment)| {
                let is_any = segment.starts_with('{') && segment.ends_with('}');
                is_any || matches(pieces, segment, &mut Vec::new())
            })
    }

    /// The number of segments.
    pub(super) fn length(&self) -> usize {
        self.segments.len()
    }

    /// The names of the parameters.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flatten().filter_map(|piece| match piece {
            Piece::Parameter(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }
}

fn pieces(segment: &str) -> Option<Vec<Piece>> {
    let (mut pieces, mut rest) = (Vec::new(), segment);
    while let Some(begin) = rest.find('{') {
        let (literal, parameter) = rest.split_at(begin);
        let (name, after) = parameter[1..].split_once('}')?;
        if name.is_empty() || name.contains('{') {
            return None;
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(decoded(literal)));
        }
        pieces.push(Piece::Parameter(name.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(decoded(rest)));
    }
    Some(pieces)
}

/// Whether a segment consists of the pieces. A parameter ends where the next literal begins.
fn matches(pieces: &[Piece], segment: &str, parameters: &mut Vec<(String, String)>) -> bool {
    match pieces {
        [] => segment.is_empty(),
        [Piece::Literal(literal)] => decoded(segment) == *literal,
        [Piece::Literal(literal), rest @ ..] => match segment.strip_prefix(literal.as_str()) {
            Some(after) => matches(rest, after, parameters),
            None => false,
        },
        [Piece::Parameter(name), rest @ ..] => {
            let end = match rest.first() {
                Some(Piece::Literal(literal)) if rest.len() == 1 => {
                    segment.strip_suffix(literal.as_str()).map(str::len)
                }
                Some(Piece::Literal(literal)) => segment.find(literal.as_str()),
                _ => Some(segment.len()),
            };
            let Some(end) = end.filter(|end| *end > 0) else { return false };
            parameters.push((name.clone(), segment[..end].to_owned()));
            matches(rest, &segment[end..], parameters)
        }
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap().split('/').collect();
        PathTemplate::parse(template).unwrap().parameters_of(&segments)
    }

    #[test]
    fn parameters_may_be_parts_of_segments() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(matched("/orders/{id}", "/orders/7"), Some(vec![pair("id", "7")]));
        assert_eq!(
            matched("/files/{name}.{format}", "/files/a.b.txt"),
            Some(vec![pair("name", "a"), pair("format", "b.txt")])
        );
        assert_eq!(matched("/orders/{id}:cancel", "/orders/7:cancel"), Some(vec![pair("id", "7")]));
        assert_eq!(matched("/a b", "/a%20b"), Some(vec![]));
        for (template, path) in
            [("/orders/{id}", "/orders/"), ("/orders/{id}", "/orders"), ("/orders/{id}:cancel", "/orders/7")]
        {
            assert_eq!(matched(template, path), None, "{template} {path}");
        }
    }
}
