//! What the text of a file says about a function, and its tokens do not.
//!
//! An attribute macro is given its function and not what is around it. What it returns for a test is refused in an `impl`,
//! and the compiler's messages are about items that the user never wrote. They are all that is left where the text tells
//! nothing: for functions that another macro writes, and where the compiler does not name the file.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use proc_macro2::Ident;

use crate::scanner::{Place, Scanner, Token};

/// A block whose functions are no free functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enclosure {
    Impl,
    Trait,
    Extern,
}

impl Enclosure {
    /// What it is called in messages.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Impl => "`impl`",
            Self::Trait => "`trait`",
            Self::Extern => "`extern` block",
        }
    }
}

/// What is known of a function.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The block in which it stands.
    pub(crate) enclosure: Option<Enclosure>,
    /// It has rows under a condition, `#[cfg_attr(…, case(…))]`. The compiler removes them before the macro sees the function.
    pub(crate) has_conditional_rows: bool,
}

/// What is known of the function of this name.
pub(crate) fn facts(name: &Ident) -> Facts {
    thread_local! {
        /// The files that were read: each is read once, however many tests are in it.
        static FILES: RefCell<HashMap<PathBuf, HashMap<Place, Facts>>> = RefCell::default();
    }
    // Unit tests of this crate run without a compiler.
    if !proc_macro::is_available() {
        return Facts::default();
    }
    let span = name.span().unwrap();
    let Some(path) = span.local_file() else { return Facts::default() };
    let place = Place { line: span.line(), column: span.column() };
    FILES.with_borrow_mut(|files| {
        let read = |path: &PathBuf| functions(&fs::read_to_string(path).unwrap_or_default());
        files.entry(path).or_insert_with_key(read).get(&place).copied().unwrap_or_default()
    })
}

/// The functions of which something is known, by the places of their names.
fn functions(text: &str) -> HashMap<Place, Facts> {
    let mut found = HashMap::new();
    let mut frames = vec![Frame::default()];
    let mut earlier = [Token::Mark(';'), Token::Mark(';')];
    for (place, token) in Scanner::new(text) {
        let Some(frame) = frames.last_mut() else { break };
        match token {
            Token::Word(word) => {
                let facts = Facts { enclosure: frame.enclosure, has_conditional_rows: frame.has_conditional_rows };
                if earlier[1] == Token::Word("fn") && facts != Facts::default() {
                    found.insert(place, facts);
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
            Token::Mark(';') => frame.end_statement(),
            Token::Mark(_) => {}
        }
        earlier = [earlier[1], token];
    }
    found
}

/// What is between two brackets, or the whole file.
#[derive(Default)]
struct Frame<'t> {
    /// The block that these brackets belong to.
    enclosure: Option<Enclosure>,
    owner: Owner,
    first_word: Option<&'t str>,
    /// The word `case` stands between the brackets.
    mentions_case: bool,
    /// The statement or item that is being read.
    item: Item,
    /// It bears an attribute that may make something else of it.
    is_rewritten: bool,
    /// It bears rows under a condition.
    has_conditional_rows: bool,
}

/// What a pair of brackets belongs to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Owner {
    #[default]
    Code,
    /// It may make anything of what stands in the brackets.
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

    /// What is between the brackets that open here.
    fn open(&self, delimiter: char, earlier: [Token<'_>; 2]) -> Self {
        let owner = match earlier {
            [_, Token::Mark('#')] | [Token::Mark('#'), Token::Mark('!')] if delimiter == '[' => Owner::Attribute,
            // `name!(…)` and `macro_rules! name { … }`
            [_, Token::Mark('!')] | [Token::Mark('!'), Token::Word(_)] => Owner::Macro,
            _ if self.owner == Owner::Macro => Owner::Macro,
            _ => Owner::Code,
        };
        let enclosure = match self.item {
            Item::Block(enclosure) if delimiter == '{' && owner == Owner::Code && !self.is_rewritten => Some(enclosure),
            _ => None,
        };
        Frame { enclosure, owner, ..Frame::default() }
    }

    /// What follows from the end of the inner brackets.
    fn close(&mut self, delimiter: char, inner: &Frame<'_>) {
        const HARMLESS: [&str; 7] = ["allow", "expect", "warn", "deny", "forbid", "cfg", "doc"];
        self.mentions_case |= inner.mentions_case;
        if inner.owner == Owner::Attribute {
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

    /// What is known of the function that is named `here`.
    fn of(text: &str) -> Facts {
        let lines = (1_usize..).zip(text.lines());
        let find = |(line, text): (usize, &str)| Some((line, text.find("here(")? + 1));
        let (line, column) = lines.into_iter().find_map(find).unwrap();
        functions(text).get(&Place { line, column }).copied().unwrap_or_default()
    }

    #[test]
    fn function_in_a_block_is_found() {
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
            assert_eq!(of(text).enclosure, Some(enclosure), "{text}");
        }
    }

    #[test]
    fn free_function_is_in_no_block() {
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
            assert_eq!(of(text).enclosure, None, "{text}");
        }
    }

    #[test]
    fn block_that_a_macro_rewrites_says_nothing() {
        for text in [
            "suite! { impl A { fn here() {} } }",
            "macro_rules! a { () => { impl A { fn here() {} } } }",
            "#[suite] impl A { fn here() {} }",
            "#[cfg_attr(test, suite)]\nimpl A { fn here() {} }",
        ] {
            assert_eq!(of(text).enclosure, None, "{text}");
        }
    }

    #[test]
    fn rows_under_a_condition_are_found() {
        for (text, has_them) in [
            ("#[integration_test]\n#[cfg_attr(unix, case::one(1))]\nasync fn here() {}", true),
            ("mod m { #[cfg_attr(unix, case(1))] #[case(2)] pub fn here() {} }", true),
            ("#[cfg_attr(unix, allow(dead_code))] #[case(1)] fn here() {}", false),
            ("#[cfg_attr(unix, case(1))] fn a() {} fn here() {}", false),
            ("fn here(#[cfg_attr(unix, case)] a: u8) {}", false),
        ] {
            assert_eq!(of(text).has_conditional_rows, has_them, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_program_is_no_error() {
        for text in
            ["}}} impl A { fn here() {}", "impl A { fn here", "impl { \" fn here", "'", "r#", "/*", "impl A { fn"]
        {
            let _ = functions(text);
        }
    }
}
