//! Tag expressions: `payments & !slow`, `(api | db) and not broken`.

use thiserror::Error;

/// A condition on a test's tags.
///
/// Operators, from the tightest binding: `!` or `not`, `&` or `and`, `|` or `or`; parentheses group. Every other word
/// is a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TagExpression {
    /// The test has this tag.
    Tag(String),
    /// The inner condition is false.
    Not(Box<TagExpression>),
    /// Both conditions are true.
    And(Box<TagExpression>, Box<TagExpression>),
    /// At least one condition is true.
    Or(Box<TagExpression>, Box<TagExpression>),
}

/// A syntax error in a tag expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected} at column {column}, found {actual}")]
pub(crate) struct TagSyntaxError {
    expected: &'static str,
    column: usize,
    actual: String,
}

impl TagExpression {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// When the text is not a valid expression. The error names the column (counted from 1, in characters) of the first
    /// token that does not fit.
    pub(crate) fn parse(text: &str) -> Result<Self, TagSyntaxError> {
        let mut parser = Parser { tokens: tokens(text), next: 0, depth: 0, end: text.chars().count() + 1 };
        let expression = parser.parse_or()?;
        match parser.peek() {
            None => Ok(expression),
            Some(_) => Err(parser.unexpected("`&`, `|` or the end")),
        }
    }

    /// All tags in the expression.
    #[must_use]
    pub(crate) fn tags(&self) -> Vec<&str> {
        match self {
            Self::Tag(tag) => vec![tag],
            Self::Not(inner) => inner.tags(),
            Self::And(left, right) | Self::Or(left, right) => [left.tags(), right.tags()].concat(),
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

/// Splits the text into tokens, each with the column where it starts.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
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
        // `&&` and `||` are accepted as `&` and `|`, because Rust programmers are used to them.
        let doubled = matches!(token, Token::And | Token::Or)
            && tokens.last().is_some_and(|(at, last)| *last == token && at + 1 == column);
        if !doubled {
            tokens.push((column, token));
        }
    }
    tokens
}

/// The deepest nesting of parentheses. The parser is recursive, so unlimited nesting would overflow the stack.
const MAX_NESTING: usize = 64;

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
    end: usize,
}

impl Parser {
    fn parse_or(&mut self) -> Result<TagExpression, TagSyntaxError> {
        let mut left = self.parse_and()?;
        while self.take(&Token::Or) {
            left = TagExpression::Or(Box::new(left), Box::new(self.parse_and()?));
        }
        Ok(left)
    }

    fn parse_and(&mut self) -> Result<TagExpression, TagSyntaxError> {
        let mut left = self.parse_unary()?;
        while self.take(&Token::And) {
            left = TagExpression::And(Box::new(left), Box::new(self.parse_unary()?));
        }
        Ok(left)
    }

    fn parse_unary(&mut self) -> Result<TagExpression, TagSyntaxError> {
        let mut negations = 0_u32;
        while self.take(&Token::Not) {
            negations += 1;
        }
        let inner = if self.take(&Token::Open) {
            self.depth += 1;
            if self.depth > MAX_NESTING {
                return Err(self.unexpected("at most 64 nested parentheses"));
            }
            let inner = self.parse_or()?;
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
        let matches = self.peek() == Some(wanted);
        self.next += usize::from(matches);
        matches
    }

    fn unexpected(&self, expected: &'static str) -> TagSyntaxError {
        let (column, actual) = match self.tokens.get(self.next) {
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
        TagSyntaxError { expected, column, actual }
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
    fn operators_have_the_usual_precedence() {
        assert!(matches("a | b & c", &["a"]));
        assert!(!matches("(a | b) & c", &["a"]));
        assert!(matches("!a & b", &["b"]));
        assert!(!matches("!(a & b)", &["a", "b"]));
        assert!(matches("not a and b or c", &["a", "c"]));
        assert!(matches("a && b || c", &["a", "b"]));
        assert!(matches("!!a", &["a"]));
        assert_eq!(TagExpression::parse("a & !(b | c)").unwrap().tags(), ["a", "b", "c"]);
    }

    #[test]
    fn syntax_error_names_column_and_expected_token() {
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
