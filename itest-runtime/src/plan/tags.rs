//! Tag expressions: `payments & !slow`, `(api | db) and not broken`.

use thiserror::Error;

/// A condition on a test's tags.
///
/// Operators, tightest first: `!` or `not`, `&` or `and`, `|` or `or`; parentheses group. A tag is anything else without
/// blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TagExpression {
    /// The test bears this tag.
    Tag(String),
    /// The condition does not hold.
    Not(Box<TagExpression>),
    /// Both hold.
    And(Box<TagExpression>, Box<TagExpression>),
    /// At least one holds.
    Or(Box<TagExpression>, Box<TagExpression>),
}

/// What is wrong with a tag expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected} at column {column}, found {found}")]
pub(crate) struct TagSyntaxError {
    expected: &'static str,
    column: usize,
    found: String,
}

impl TagExpression {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// Names the column (counted from 1, in characters) of the first token that does not fit.
    pub(crate) fn parse(text: &str) -> Result<Self, TagSyntaxError> {
        let mut parser = Parser { tokens: tokens(text), next: 0, depth: 0, end: text.chars().count() + 1 };
        let expression = parser.either()?;
        match parser.peek() {
            None => Ok(expression),
            Some(_) => Err(parser.unexpected("`&`, `|` or the end")),
        }
    }

    /// The tags that the condition speaks of.
    #[must_use]
    pub(crate) fn words(&self) -> Vec<&str> {
        match self {
            Self::Tag(tag) => vec![tag],
            Self::Not(inner) => inner.words(),
            Self::And(left, right) | Self::Or(left, right) => [left.words(), right.words()].concat(),
        }
    }

    /// Whether a test with these tags satisfies the condition.
    #[must_use]
    pub(crate) fn matches(&self, tags: &[&str]) -> bool {
        match self {
            Self::Tag(tag) => tags.contains(&tag.as_str()),
            Self::Not(inner) => !inner.matches(tags),
            Self::And(left, right) => left.matches(tags) && right.matches(tags),
            Self::Or(left, right) => left.matches(tags) || right.matches(tags),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Not,
    And,
    Or,
    Tag(String),
}

/// Tokens with the column they start in.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut found = Vec::new();
    let mut characters = (1..).zip(text.chars()).peekable();
    while let Some((column, character)) = characters.next() {
        let token = match character {
            '(' => Token::Open,
            ')' => Token::Close,
            '!' => Token::Not,
            '&' => Token::And,
            '|' => Token::Or,
            blank if blank.is_whitespace() => continue,
            first => {
                let mut word = first.to_string();
                while let Some((_, next)) =
                    characters.next_if(|(_, next)| !next.is_whitespace() && !"()!&|".contains(*next))
                {
                    word.push(next);
                }
                match word.as_str() {
                    "not" => Token::Not,
                    "and" => Token::And,
                    "or" => Token::Or,
                    _ => Token::Tag(word),
                }
            }
        };
        // `&&` and `||` mean what a Rust programmer thinks.
        let doubled = matches!(token, Token::And | Token::Or)
            && found.last().is_some_and(|(at, last)| *last == token && at + 1 == column);
        if !doubled {
            found.push((column, token));
        }
    }
    found
}

/// Parentheses may nest so deep; the parser recurses and the stack is not endless.
const DEEPEST: usize = 64;

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
    end: usize,
}

impl Parser {
    fn either(&mut self) -> Result<TagExpression, TagSyntaxError> {
        let mut left = self.both()?;
        while self.take(&Token::Or) {
            left = TagExpression::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<TagExpression, TagSyntaxError> {
        let mut left = self.single()?;
        while self.take(&Token::And) {
            left = TagExpression::And(Box::new(left), Box::new(self.single()?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<TagExpression, TagSyntaxError> {
        let mut negations = 0_u32;
        while self.take(&Token::Not) {
            negations += 1;
        }
        let inner = if self.take(&Token::Open) {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(self.unexpected("at most 64 nested parentheses"));
            }
            let inner = self.either()?;
            self.depth -= 1;
            if !self.take(&Token::Close) {
                return Err(self.unexpected("`)`"));
            }
            inner
        } else if let Some(Token::Tag(tag)) = self.peek() {
            let tag = tag.clone();
            self.next += 1;
            TagExpression::Tag(tag)
        } else {
            return Err(self.unexpected("a tag, `!` or `(`"));
        };
        Ok(if negations.is_multiple_of(2) { inner } else { TagExpression::Not(Box::new(inner)) })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    fn unexpected(&self, expected: &'static str) -> TagSyntaxError {
        let (column, found) = match self.tokens.get(self.next) {
            None => (self.end, "the end".to_owned()),
            Some((column, token)) => {
                let text = match token {
                    Token::Open => "`(`".to_owned(),
                    Token::Close => "`)`".to_owned(),
                    Token::Not => "`!`".to_owned(),
                    Token::And => "`&`".to_owned(),
                    Token::Or => "`|`".to_owned(),
                    Token::Tag(tag) => format!("`{tag}`"),
                };
                (*column, text)
            }
        };
        TagSyntaxError { expected, column, found }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(text: &str, tags: &[&str]) -> bool {
        TagExpression::parse(text).unwrap().matches(tags)
    }

    #[test]
    fn operators_bind_as_a_programmer_expects() {
        assert!(matches("a | b & c", &["a"]));
        assert!(!matches("(a | b) & c", &["a"]));
        assert!(matches("!a & b", &["b"]));
        assert!(!matches("!(a & b)", &["a", "b"]));
        assert!(matches("not a and b or c", &["a", "c"]));
        assert!(matches("a && b || c", &["a", "b"]));
        assert!(matches("!!a", &["a"]));
        assert_eq!(TagExpression::parse("a & !(b | c)").unwrap().words(), ["a", "b", "c"]);
    }

    #[test]
    fn a_mistake_names_its_column_and_what_would_fit() {
        let message = |text: &str| TagExpression::parse(text).unwrap_err().to_string();
        assert_eq!(message("a &"), "expected a tag, `!` or `(` at column 4, found the end");
        assert_eq!(message("(a | b"), "expected `)` at column 7, found the end");
        assert_eq!(message("a b"), "expected `&`, `|` or the end at column 3, found `b`");
        assert!(message(&"(".repeat(10_000)).contains("at column 66"));
        assert_eq!(message(""), "expected a tag, `!` or `(` at column 1, found the end");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = TagExpression::parse(&text);
        }
    }
}
