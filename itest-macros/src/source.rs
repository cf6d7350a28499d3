//! Reads the source file around a function, to find facts that the function's tokens do not contain.
//!
//! An attribute macro receives only its function and not the code around it. In an `impl` block, the expansion of a test does not
//! compile, and the compiler's messages are about items that the user never wrote. The source file shows whether a function is in such
//! a block. It cannot be read for functions that another macro generates, or if the compiler does not name the file; then the
//! compiler's own messages remain.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use proc_macro2::Ident;

use crate::scanner::{Place, Scanner, Token};

/// A block whose functions are not free functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enclosure {
    Impl,
    Trait,
    Extern,
}

impl Enclosure {
    /// The name of the block in messages.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Impl => "`impl`",
            Self::Trait => "`trait`",
            Self::Extern => "`extern` block",
        }
    }
}

/// The facts about a function that its source file shows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FunctionContext {
    /// The block around the function.
    pub(crate) enclosure: Option<Enclosure>,
    /// Whether the function has rows under a condition, `#[cfg_attr(…, case(…))]`. The compiler removes rows whose condition does not hold
    /// before it calls the macro.
    pub(crate) has_conditional_rows: bool,
}

/// The facts about the function with this name.
pub(crate) fn function_context(name: &Ident) -> FunctionContext {
    thread_local! {
        /// The files that were read. Each file is read once, even if it has many tests.
        static FILES: RefCell<HashMap<PathBuf, HashMap<Place, FunctionContext>>> = RefCell::default();
    }
    // In the unit tests of this crate, no compiler runs.
    if !proc_macro::is_available() {
        return FunctionContext::default();
    }
    let span = name.span().unwrap();
    // The text around a function in a page of documentation is no Rust.
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let Some(path) = span.local_file().filter(is_rust) else { return FunctionContext::default() };
    let place = Place { line: span.line(), column: span.column() };
    FILES.with_borrow_mut(|files| {
        let read = |path: &PathBuf| functions(&fs::read_to_string(path).unwrap_or_default());
        files.entry(path).or_insert_with_key(read).get(&place).copied().unwrap_or_default()
    })
}

/// The functions with facts other than the defaults, by the locations of their names.
fn functions(text: &str) -> HashMap<Place, FunctionContext> {
    let mut functions = HashMap::new();
    let mut frames = vec![Frame::default()];
    let mut earlier = [Token::Punct(';'), Token::Punct(';')];
    for (place, token) in Scanner::new(text) {
        let Some(frame) = frames.last_mut() else { break };
        match token {
            Token::Word(word) => {
                let context =
                    FunctionContext { enclosure: frame.enclosure, has_conditional_rows: frame.has_conditional_rows };
                if earlier[1] == Token::Word("fn") && context != FunctionContext::default() {
                    functions.insert(place, context);
                }
                frame.read(word);
            }
            Token::Open(delimiter) => {
                let inner = frame.open(delimiter, earlier);
                frames.push(inner);
            }
            Token::Close(delimiter) => {
                let closed = frames.pop().unwrap_or_default();
                if let Some(frame) = frames.last_mut() {
                    frame.close(delimiter, &closed);
                }
            }
            Token::Punct(';') => frame.end_statement(),
            Token::Punct(_) => {}
        }
        earlier = [earlier[1], token];
    }
    functions
}

/// The state inside a pair of brackets, or at the top level of the file.
#[derive(Default)]
struct Frame<'t> {
    /// The block whose brackets these are.
    enclosure: Option<Enclosure>,
    kind: BracketKind,
    first_word: Option<&'t str>,
    /// Whether the word `case` is between the brackets.
    mentions_case: bool,
    /// The kind of the current statement or item.
    item: Item,
    /// Whether the current item has an attribute that may rewrite it.
    is_rewritten: bool,
    /// Whether the current item has rows under a condition.
    has_conditional_rows: bool,
}

/// The kind of a pair of brackets.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum BracketKind {
    #[default]
    Code,
    /// The arguments of a macro, which may rewrite them.
    Macro,
    Attribute,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Item {
    #[default]
    Unknown,
    Block(Enclosure),
    Other,
}

impl<'t> Frame<'t> {
    fn read(&mut self, word: &'t str) {
        self.first_word.get_or_insert(word);
        self.mentions_case |= word == "case";
        self.item = match (self.item, word) {
            (Item::Unknown, "pub" | "unsafe" | "safe" | "default" | "auto") => Item::Unknown,
            (Item::Unknown, "impl") => Item::Block(Enclosure::Impl),
            (Item::Unknown, "trait") => Item::Block(Enclosure::Trait),
            (Item::Unknown, "extern") => Item::Block(Enclosure::Extern),
            // `extern "C" fn name()` and `extern crate name`
            (Item::Block(Enclosure::Extern), "fn" | "crate") | (Item::Unknown, _) => Item::Other,
            (item, _) => item,
        };
    }

    /// The state inside the brackets that open here.
    fn open(&self, delimiter: char, earlier: [Token<'_>; 2]) -> Self {
        let kind = match earlier {
            [_, Token::Punct('#')] | [Token::Punct('#'), Token::Punct('!')] if delimiter == '[' => {
                BracketKind::Attribute
            }
            // `name!(…)` and `macro_rules! name { … }`
            [_, Token::Punct('!')] | [Token::Punct('!'), Token::Word(_)] => BracketKind::Macro,
            _ if self.kind == BracketKind::Macro => BracketKind::Macro,
            _ => BracketKind::Code,
        };
        let enclosure = match self.item {
            Item::Block(enclosure) if delimiter == '{' && kind == BracketKind::Code && !self.is_rewritten => {
                Some(enclosure)
            }
            _ => None,
        };
        Frame { enclosure, kind, ..Frame::default() }
    }

    /// Updates the state at the end of the inner brackets.
    fn close(&mut self, delimiter: char, inner: &Frame<'_>) {
        const HARMLESS: [&str; 7] = ["allow", "expect", "warn", "deny", "forbid", "cfg", "doc"];
        self.mentions_case |= inner.mentions_case;
        if inner.kind == BracketKind::Attribute {
            self.has_conditional_rows |= inner.mentions_case && inner.first_word == Some("cfg_attr");
            self.is_rewritten |= inner.first_word.is_none_or(|word| !HARMLESS.contains(&word));
        } else if delimiter == '}' {
            self.end_statement();
        }
    }

    fn end_statement(&mut self) {
        self.item = Item::Unknown;
        self.is_rewritten = false;
        self.has_conditional_rows = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The facts about the function with the name `here`.
    fn context_of_here(text: &str) -> FunctionContext {
        let lines = (1_usize..).zip(text.lines());
        let find = |(line, text): (usize, &str)| Some((line, text.find("here(")? + 1));
        let (line, column) = lines.into_iter().find_map(find).unwrap();
        functions(text).get(&Place { line, column }).copied().unwrap_or_default()
    }

    #[test]
    fn enclosing_block_of_function_is_detected() {
        for (text, enclosure) in [
            ("impl A { fn here() {} }", Enclosure::Impl),
            (
                "impl<T: Fn() -> u8> A for [T; 2] where T: B { const C: u8 = { 1 }; pub(crate) async fn here() {} }",
                Enclosure::Impl,
            ),
            (
                "mod m {\n    unsafe impl A {\n        fn a() { b!{ } }\n        #[case(1)]\n        fn here() {} } }",
                Enclosure::Impl,
            ),
            ("fn a() { impl A { fn here() {} } }", Enclosure::Impl),
            ("#[cfg(test)]\n#[allow(dead_code)] impl A { fn here() {} }", Enclosure::Impl),
            ("#![allow(a)] /* impl */ pub unsafe trait A: B { fn a(); fn here() {} }", Enclosure::Trait),
            ("unsafe extern \"C\" { fn here(); }", Enclosure::Extern),
            ("const A: &str = r#\"}\"#; impl A { fn a() { '}'; \"}\"; } fn here() {} }", Enclosure::Impl),
        ] {
            assert_eq!(context_of_here(text).enclosure, Some(enclosure), "{text}");
        }
    }

    #[test]
    fn free_function_has_no_enclosing_block() {
        for text in [
            "fn here() {}",
            "mod m { fn here() {} }",
            "impl A { fn a() { fn here() {} } }",
            "impl A { const B: () = { fn here() {} }; }",
            "trait A {} const _: () = { fn here() {} };",
            "extern \"C\" fn a() { fn here() {} }",
            "fn a() -> impl B { fn here() {} }",
            "struct A; impl A {} fn here() {}",
            "impl A for B {} mod m { fn here() {} }",
            "// impl A {\nfn here() {}",
        ] {
            assert_eq!(context_of_here(text).enclosure, None, "{text}");
        }
    }

    #[test]
    fn block_that_a_macro_may_rewrite_is_ignored() {
        for text in [
            "suite! { impl A { fn here() {} } }",
            "macro_rules! a { () => { impl A { fn here() {} } } }",
            "#[suite] impl A { fn here() {} }",
            "#[cfg_attr(test, suite)]\nimpl A { fn here() {} }",
        ] {
            assert_eq!(context_of_here(text).enclosure, None, "{text}");
        }
    }

    #[test]
    fn rows_under_a_condition_are_detected() {
        for (text, has_them) in [
            ("#[integration_test]\n#[cfg_attr(unix, case::one(1))]\nasync fn here() {}", true),
            ("mod m { #[cfg_attr(unix, case(1))] #[case(2)] pub fn here() {} }", true),
            ("#[cfg_attr(unix, allow(dead_code))] #[case(1)] fn here() {}", false),
            ("#[cfg_attr(unix, case(1))] fn a() {} fn here() {}", false),
            ("fn here(#[cfg_attr(unix, case)] a: u8) {}", false),
        ] {
            assert_eq!(context_of_here(text).has_conditional_rows, has_them, "{text}");
        }
    }

    #[test]
    fn invalid_source_does_not_panic() {
        for text in
            ["}}} impl A { fn here() {}", "impl A { fn here", "impl { \" fn here", "'", "r#", "/*", "impl A { fn"]
        {
            let _ = functions(text);
        }
    }
}
