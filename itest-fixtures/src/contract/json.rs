//! Reads a contract in JSON, with the lines of its parts.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::Document;
use super::lines::{Lines, LinesOfParts, Member};
use super::problem::ContractProblem;

/// Reads a document. `file` is the name of the file in messages.
///
/// # Errors
///
/// When the text is no JSON, or an object has a name twice.
pub(super) fn read(file: &str, text: &str) -> Result<Document, ContractProblem> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
        ContractProblem::at_line(file, line, format!("it is no JSON: {error}"))
    })?;
    let mut scanner = Scanner { text, position: 0, line: 1, repeated: None };
    let lines = scanner.value();
    match scanner.repeated {
        None => Ok(Document { value, lines }),
        Some(Repeated { name, first, line }) => {
            Err(ContractProblem::at_line(file, line, format!("{name:?} stands already at line {first}")))
        }
    }
}

/// Reads the lines of a text that is known to be JSON. `serde_json` has checked its syntax and limited its depth, so this scanner does neither.
struct Scanner<'t> {
    text: &'t str,
    position: usize,
    line: u32,
    repeated: Option<Repeated>,
}

/// A name that an object has twice.
struct Repeated {
    name: String,
    first: u32,
    line: u32,
}

impl Scanner<'_> {
    fn value(&mut self) -> Lines {
        self.skip_blanks();
        let line = self.line;
        let parts = match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => {
                self.string();
                LinesOfParts::None
            }
            _ => {
                self.skip_while(|byte| !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace());
                LinesOfParts::None
            }
        };
        Lines { line, parts }
    }

    fn object(&mut self) -> LinesOfParts {
        let (mut members, mut known): (Vec<Member>, HashMap<String, u32>) = (Vec::new(), HashMap::new());
        self.position += 1;
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'"') => {}
                Some(b',') => {
                    self.position += 1;
                    continue;
                }
                _ => break,
            }
            let line = self.line;
            let quoted = self.string();
            let name: String = serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned());
            self.skip_blanks();
            // The colon.
            self.position += 1;
            let value = Arc::new(self.value());
            if let Some(first) = known.insert(name.clone(), line) {
                self.repeated.get_or_insert(Repeated { name: name.clone(), first, line });
            }
            members.push(Member { name, line, value });
        }
        self.position += 1;
        LinesOfParts::Members(members)
    }

    fn array(&mut self) -> LinesOfParts {
        let mut items = Vec::new();
        self.position += 1;
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b']') | None => break,
                Some(b',') => self.position += 1,
                Some(_) => items.push(Arc::new(self.value())),
            }
        }
        self.position += 1;
        LinesOfParts::Items(items)
    }

    /// A string with its quotes.
    fn string(&mut self) -> &str {
        let begin = self.position;
        self.position += 1;
        while let Some(byte) = self.peek() {
            self.position += match byte {
                b'\\' => 2,
                _ => 1,
            };
            if byte == b'"' {
                break;
            }
        }
        self.text.get(begin..self.position).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek().filter(u8::is_ascii_whitespace) {
            self.line += u32::from(byte == b'\n');
            self.position += 1;
        }
    }

    fn skip_while(&mut self, is_skipped: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&is_skipped) {
            self.position += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_names() {
        let text = "{\n  \"a\": [1,\n    {\"b\\\"c\": \"x\\\\\"}],\n\n  \"d\"\n: null}";
        let document = read("c.json", text).unwrap();
        for (pointer, line) in [("", 1), ("/a", 2), ("/a/0", 2), ("/a/1/b\"c", 3), ("/d", 5), ("/a/1/none", 3)] {
            assert_eq!(document.lines.at(pointer), line, "{pointer}");
        }
    }

    #[test]
    fn wrong_json_is_refused_with_its_line() {
        for (text, message) in [
            ("{\"a\": 1,\n\"a\": 2}", "the contract c.json:2: \"a\" stands already at line 1"),
            ("{\n\"a\": 1e400}", "the contract c.json:2: it is no JSON: number out of range"),
            ("{\n\n\"a\": \"\\ud800\"}", "the contract c.json:3: it is no JSON: "),
            ("", "the contract c.json:1: it is no JSON: EOF"),
        ] {
            let problem = read("c.json", text).unwrap_err().to_string();
            assert!(problem.starts_with(message), "{problem}");
        }
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read("c.json", &deep).unwrap_err().to_string().contains("recursion limit"));
    }
}
