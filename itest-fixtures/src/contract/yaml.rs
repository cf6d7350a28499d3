//! Reads a contract in YAML 1.2, with the lines of its parts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Number, Value};

use super::document::Document;
use super::lines::{Lines, LinesOfParts, Member};
use super::problem::ContractProblem;

/// How deep a document may be nested, as in `serde_json`.
const MAX_DEPTH: usize = 128;

/// The most values of a document. An alias counts as often as it is used, because a small file may stand for billions of values.
const MAX_VALUES: usize = 4_000_000;

/// The name of a member that stands for the members of another mapping.
const MERGE: &str = "<<";

/// Reads a document. `file` is the name of the file in messages.
///
/// # Errors
///
/// When the text is no YAML, or has something that JSON does not have.
pub(super) fn read(file: &str, text: &str) -> Result<Document, ContractProblem> {
    let mut reader = Reader { file, open: Vec::new(), anchors: HashMap::new(), root: None, values: 0 };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            ContractProblem::at_line(file, line_of(error.marker().line()), format!("it is no YAML: {}", error.info()))
        })?;
        reader.take(event, span)?;
    }
    match reader.root {
        Some(Node { value, lines, .. }) => Ok(Document { value, lines: (*lines).clone() }),
        None => Err(ContractProblem::of_file(file, "it is empty")),
    }
}

fn line_of(line: usize) -> u32 {
    u32::try_from(line.max(1)).unwrap_or(u32::MAX)
}

/// A value that has been read.
#[derive(Debug, Clone)]
struct Node {
    value: Value,
    lines: Arc<Lines>,
    /// The number of values in it, with itself.
    values: usize,
    /// How deep it is nested inside.
    depth: usize,
}

/// A sequence or a mapping whose end is not reached yet.
#[derive(Debug)]
struct Open {
    anchor: usize,
    line: u32,
    values: usize,
    depth: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Sequence { items: Vec<Value>, lines: Vec<Arc<Lines>> },
    Mapping { members: Map<String, Value>, lines: Vec<Member>, name: Option<(String, u32)>, merged: Vec<Node> },
}

struct Reader<'f> {
    file: &'f str,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    /// The number of values so far.
    values: usize,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), ContractProblem> {
        let line = line_of(span.start.line());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(name) = self.missing_name() {
                    *name = Some((text.into_owned(), line));
                    return Ok(());
                }
                let value = self.scalar(text, style, tag.as_deref(), line)?;
                let lines = Arc::new(Lines { line, parts: LinesOfParts::None });
                self.add(Node { value, lines, values: 1, depth: 0 }, anchor, line)
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(anchor, line, Content::Sequence { items: Vec::new(), lines: Vec::new() })
            }
            Event::MappingStart(anchor, _) => {
                let (members, lines, merged) = (Map::new(), Vec::new(), Vec::new());
                self.begin(anchor, line, Content::Mapping { members, lines, name: None, merged })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(line),
            Event::Alias(anchor) => {
                if self.missing_name().is_some() {
                    return Err(self.problem(line, "an alias is no name of a member"));
                }
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.problem(line, "the alias stands inside of what it stands for"));
                };
                self.add(node, 0, line)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(self.problem(line, "a second document begins; a contract is one document"))
            }
            _ => Ok(()),
        }
    }

    fn problem(&self, line: u32, reason: impl Into<String>) -> ContractProblem {
        ContractProblem::at_line(self.file, line, reason)
    }

    /// The place for a name, if the next value is the name of a member.
    fn missing_name(&mut self) -> Option<&mut Option<(String, u32)>> {
        match self.open.last_mut() {
            Some(Open { content: Content::Mapping { name, .. }, .. }) if name.is_none() => Some(name),
            _ => None,
        }
    }

    fn begin(&mut self, anchor: usize, line: u32, content: Content) -> Result<(), ContractProblem> {
        if self.missing_name().is_some() {
            return Err(self.problem(line, "the name of a member must be a text"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.problem(line, format!("it is nested deeper than {MAX_DEPTH}")));
        }
        self.open.push(Open { anchor, line, values: 1, depth: 0, content });
        Ok(())
    }

    fn end(&mut self, line: u32) -> Result<(), ContractProblem> {
        let Some(Open { anchor, line: begin, mut values, depth, content }) = self.open.pop() else { return Ok(()) };
        let (value, parts) = match content {
            Content::Sequence { items, lines } => (Value::Array(items), LinesOfParts::Items(lines)),
            Content::Mapping { mut members, mut lines, merged, .. } => {
                for node in merged {
                    values += self.merge(node, &mut members, &mut lines, line)?;
                }
                (Value::Object(members), LinesOfParts::Members(lines))
            }
        };
        let lines = Arc::new(Lines { line: begin, parts });
        self.add(Node { value, lines, values, depth: depth + 1 }, anchor, begin)
    }

    /// Adds the members of a mapping, or of each mapping in a sequence, unless there is a member of that name. Returns their number.
    fn merge(
        &self,
        node: Node,
        members: &mut Map<String, Value>,
        lines: &mut Vec<Member>,
        line: u32,
    ) -> Result<usize, ContractProblem> {
        let sources = match (node.value, &node.lines.parts) {
            (Value::Object(source), LinesOfParts::Members(names)) => vec![(source, names.clone())],
            (Value::Array(sources), LinesOfParts::Items(items)) => {
                let pairs = sources.into_iter().zip(items).filter_map(|(source, lines)| match (source, &lines.parts) {
                    (Value::Object(source), LinesOfParts::Members(names)) => Some((source, names.clone())),
                    _ => None,
                });
                pairs.collect()
            }
            _ => return Err(self.problem(line, "`<<` merges mappings only")),
        };
        for (source, names) in sources {
            for (name, value) in source {
                if !members.contains_key(&name) {
                    lines.extend(names.iter().find(|member| member.name == name).cloned());
                    members.insert(name, value);
                }
            }
        }
        Ok(node.values)
    }

    /// Adds a value that is complete to the sequence or the mapping around it.
    fn add(&mut self, node: Node, anchor: usize, line: u32) -> Result<(), ContractProblem> {
        self.values += if self.open.is_empty() { 0 } else { node.values };
        if node.values > MAX_VALUES || self.open.len() + node.depth > MAX_DEPTH {
            return Err(
                self.problem(line, "its aliases stand for too many values, or for values that are nested too deep")
            );
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let file = self.file;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.values += node.values;
        open.depth = open.depth.max(node.depth);
        if open.values > MAX_VALUES {
            return Err(ContractProblem::at_line(file, line, format!("it has more than {MAX_VALUES} values")));
        }
        match &mut open.content {
            Content::Sequence { items, lines } => {
                items.push(node.value);
                lines.push(node.lines);
            }
            Content::Mapping { members, lines, name, merged } => {
                let Some((name, name_line)) = name.take() else { return Ok(()) };
                if name == MERGE {
                    merged.push(node);
                } else if members.contains_key(&name) {
                    let first = lines.iter().find(|member| member.name == name).map_or(0, |member| member.line);
                    let reason = format!("{name:?} stands already at line {first}");
                    return Err(ContractProblem::at_line(file, name_line, reason));
                } else {
                    lines.push(Member { name: name.clone(), line: name_line, value: node.lines });
                    members.insert(name, node.value);
                }
            }
        }
        Ok(())
    }

    /// The value of a scalar by the core schema of YAML 1.2, in which `yes` and dates are texts.
    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        line: u32,
    ) -> Result<Value, ContractProblem> {
        let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
        if is_text || style != ScalarStyle::Plain {
            return Ok(Value::String(text.into_owned()));
        }
        match &*text {
            "" | "~" | "null" | "Null" | "NULL" => Ok(Value::Null),
            "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
            "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
            other => match number(other) {
                PlainNumber::None => Ok(Value::String(text.into_owned())),
                PlainNumber::Json(number) => Ok(Value::Number(number)),
                PlainNumber::NotInJson => Err(self.problem(line, format!("{other} is no number of JSON"))),
            },
        }
    }
}

/// The number that a plain scalar stands for.
enum PlainNumber {
    Json(Number),
    /// A number such as `.inf`, which JSON does not have.
    NotInJson,
    /// The scalar is no number.
    None,
}

impl<N: Into<Number>> From<N> for PlainNumber {
    fn from(number: N) -> Self {
        Self::Json(number.into())
    }
}

fn number(text: &str) -> PlainNumber {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return PlainNumber::NotInJson;
    }
    let with_base = |digits: &str, base: u32| u64::from_str_radix(digits, base).map_or(PlainNumber::None, Into::into);
    if let Some(digits) = text.strip_prefix("0x") {
        return with_base(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return with_base(digits, 8);
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        || !unsigned.contains(|character: char| character.is_ascii_digit())
        || unsigned.contains(|character: char| !matches!(character, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'))
    {
        return PlainNumber::None;
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    let integer = plain.parse::<i64>().map(Number::from).or_else(|_| plain.parse::<u64>().map(Number::from));
    match (integer, plain.parse::<f64>()) {
        (Ok(number), _) => number.into(),
        (Err(_), Ok(number)) => Number::from_f64(number).map_or(PlainNumber::NotInJson, Into::into),
        (Err(_), Err(_)) => PlainNumber::None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_follow_the_core_schema() {
        let text = "a: 1\nb: -0.5\nc: yes\nd: '1'\ne: ~\nf: 2024-01-01\ng: 0x1F\nh: !!str 7\ni: True\nj: 1e3\nk: 1.2.3\nl:\n200: ok";
        let expected = json!({"a": 1, "b": -0.5, "c": "yes", "d": "1", "e": null, "f": "2024-01-01", "g": 31, "h": "7",
            "i": true, "j": 1000.0, "k": "1.2.3", "l": null, "200": "ok"});
        assert_eq!(read("c.yaml", text).unwrap().value, expected);
    }

    #[test]
    fn lines_are_those_of_the_names_also_through_aliases_and_merges() {
        let text = "base: &base\n  type: object\n  nullable: true\nother:\n  <<: *base\n  type: string\nalias: *base\nlist:\n  - 1\n  -\n    a: 2";
        let document = read("c.yaml", text).unwrap();
        assert_eq!(document.value["other"], json!({"type": "string", "nullable": true}));
        for (pointer, line) in [
            ("/base/type", 2),
            ("/other/type", 6),
            ("/other/nullable", 3),
            ("/alias", 7),
            ("/alias/nullable", 3),
            ("/list/0", 9),
            ("/list/1/a", 11),
        ] {
            assert_eq!(document.lines.at(pointer), line, "{pointer}");
        }
    }

    #[test]
    fn wrong_yaml_is_refused_with_its_line() {
        for (text, message) in [
            ("a: 1\nb: 2\na: 3", "the contract c.yaml:3: \"a\" stands already at line 1"),
            ("a: 1\nb: 1e400", "the contract c.yaml:2: 1e400 is no number of JSON"),
            ("a: .inf", "the contract c.yaml:1: .inf is no number of JSON"),
            ("a: 1\n[b]: 2", "the contract c.yaml:2: the name of a member must be a text"),
            ("a: 1\n---\nb: 1", "the contract c.yaml:2: a second document begins"),
            ("a: [1\nb: 2", "the contract c.yaml:2: it is no YAML: "),
            ("a: *none", "the contract c.yaml:1: it is no YAML: "),
            ("a: &a [*a]", "the contract c.yaml:1: the alias stands inside of what it stands for"),
            ("", "the contract c.yaml: it is empty"),
        ] {
            let problem = read("c.yaml", text).map(|document| document.value).unwrap_err().to_string();
            assert!(problem.starts_with(message), "{problem}");
        }
    }

    #[test]
    fn aliases_that_stand_for_billions_of_values_are_refused() {
        let mut text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            let _ = writeln!(text, "a{level}: &a{level} [{aliases}]");
        }
        assert!(read("c.yaml", &text).unwrap_err().to_string().contains("values"));
        for deep in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
            assert!(read("c.yaml", &deep).is_err());
        }
    }
}
