//! Splits an SQL script into its statements, so that an error message can name the one that failed.
//!
//! itest never executes the split statements; it sends a script to the database unchanged.

/// A statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement<'s> {
    /// The line where it begins, counted from 1.
    pub(crate) line: usize,
    /// Its text, without the semicolon, and without the blanks and comments around it.
    pub(crate) text: &'s str,
}

/// Words that open a block which `END` closes, inside of a body.
const BLOCK_STARTS: [&str; 2] = ["BEGIN", "CASE"];

/// Words after `END` that close a block which [`BLOCK_STARTS`] does not count.
const UNCOUNTED_BLOCKS: [&str; 5] = ["IF", "LOOP", "WHILE", "REPEAT", "FOR"];

/// Objects whose body may contain semicolons.
const WITH_BODY: [&str; 4] = ["TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"];

/// The SQL dialect: how a database writes quotes and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "data", feature = "migrations")),
    expect(unreachable_pub, reason = "it is public where the trait of the backends is")
)]
pub enum Dialect {
    /// SQLite: `[name]`, `` `name` ``.
    Sqlite,
    /// PostgreSQL: `$tag$ … $tag$`, `E'\''`, comments in comments.
    Postgres,
    /// MySQL and MariaDB: `# comment`, `'\''`, `` `name` ``.
    MySql,
}

/// The statements of a script, in order.
pub(crate) fn statements(script: &str, dialect: Dialect) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let (mut begin, mut body, mut last) = (None, Body::default(), 0);
    for token in Tokens::of(script, dialect).filter(|token| token.kind != TokenKind::Blank) {
        body.read(token.kind, &script[token.start..token.end]);
        if token.kind == TokenKind::Semicolon && body.depth == 0 {
            if let Some(start) = begin.take() {
                statements.push(cut(script, start, last));
            }
            body = Body::default();
        } else {
            begin.get_or_insert(token.start);
            last = token.end;
        }
    }
    if let Some(start) = begin {
        statements.push(cut(script, start, last));
    }
    statements
}

/// The line number of a byte of a text, counted from 1.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

/// The beginning of a statement in one line, for a message.
#[cfg(any(feature = "data", feature = "migrations"))]
pub(crate) fn excerpt(statement: &str) -> String {
    const MAX_CHARS: usize = 100;
    let mut line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// The text without comments and with a single blank between its tokens, so that texts which differ only in layout are equal.
#[cfg(all(feature = "migrations", any(feature = "sqlite", feature = "mysql")))]
pub(crate) fn normalized(sql: &str, dialect: Dialect) -> String {
    let tokens = Tokens::of(sql, dialect).filter(|token| token.kind != TokenKind::Blank);
    tokens.map(|token| &sql[token.start..token.end]).collect::<Vec<_>>().join(" ")
}

/// The text in one line: every comment and every run of white space outside of literals becomes one blank.
pub(crate) fn in_one_line(sql: &str, dialect: Dialect) -> String {
    let parts = Tokens::of(sql.trim(), dialect).map(|token| match token.kind {
        TokenKind::Blank => " ",
        TokenKind::Word | TokenKind::Semicolon | TokenKind::Other => &sql.trim()[token.start..token.end],
    });
    parts.collect()
}

/// The tokens of a text, without comments and white space.
#[cfg(all(feature = "migrations", feature = "sqlite"))]
pub(crate) fn tokens(sql: &str, dialect: Dialect) -> impl Iterator<Item = &str> {
    Tokens::of(sql, dialect).filter(|token| token.kind != TokenKind::Blank).map(|token| &sql[token.start..token.end])
}

fn cut(script: &str, start: usize, end: usize) -> Statement<'_> {
    Statement { line: line_of(script, start), text: &script[start..end] }
}

/// Tracks how deeply a statement is nested in the blocks of a body.
#[derive(Debug, Default)]
struct Body {
    word_count: usize,
    is_create: bool,
    has_started: bool,
    depth: usize,
    /// Whether the last word was `END`. The next word decides which block it closes.
    is_after_end: bool,
}

impl Body {
    fn read(&mut self, kind: TokenKind, text: &str) {
        let upper = if kind == TokenKind::Word { text.to_ascii_uppercase() } else { String::new() };
        let word = upper.as_str();
        if self.is_after_end {
            self.is_after_end = false;
            if UNCOUNTED_BLOCKS.contains(&word) {
                return;
            }
            self.depth = self.depth.saturating_sub(1);
            if word == "CASE" {
                return;
            }
        }
        if kind != TokenKind::Word {
            return;
        }
        self.word_count += 1;
        self.is_create |= self.word_count == 1 && word == "CREATE";
        self.has_started |= self.is_create && WITH_BODY.contains(&word);
        if self.has_started && BLOCK_STARTS.contains(&word) {
            self.depth += 1;
        }
        self.is_after_end = self.depth > 0 && word == "END";
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    /// White space or a comment.
    Blank,
    Word,
    Semicolon,
    /// Operators, literals, quoted names.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: TokenKind,
    start: usize,
    end: usize,
}

struct Tokens<'s> {
    text: &'s str,
    at: usize,
    dialect: Dialect,
}

impl<'s> Tokens<'s> {
    fn of(text: &'s str, dialect: Dialect) -> Self {
        Self { text, at: 0, dialect }
    }

    /// The kind and the length of the first token of `rest`.
    fn next_in(&self, rest: &str) -> Option<(TokenKind, usize)> {
        let first = rest.chars().next()?;
        let until = |end: &str, from: usize| {
            rest.get(from..).and_then(|inside| inside.find(end)).map_or(rest.len(), |offset| from + offset + end.len())
        };
        let is_mysql = self.dialect == Dialect::MySql;
        Some(match first {
            ';' => (TokenKind::Semicolon, 1),
            _ if rest.starts_with("--") || (first == '#' && is_mysql) => (TokenKind::Blank, until("\n", 0)),
            // MySQL executes the text of such a comment.
            _ if is_mysql && (rest.starts_with("/*!") || rest.starts_with("/*M!")) => {
                (TokenKind::Other, end_of_comment(rest, self.dialect))
            }
            _ if rest.starts_with("/*") => (TokenKind::Blank, end_of_comment(rest, self.dialect)),
            '\'' => (TokenKind::Other, end_of_quoted(rest, '\'', if is_mysql { Some('\\') } else { None })),
            'E' | 'e' if self.dialect == Dialect::Postgres && rest[1..].starts_with('\'') => {
                (TokenKind::Other, 1 + end_of_quoted(&rest[1..], '\'', Some('\\')))
            }
            '"' => (TokenKind::Other, end_of_quoted(rest, '"', if is_mysql { Some('\\') } else { None })),
            '`' => (TokenKind::Other, end_of_quoted(rest, '`', None)),
            '[' if self.dialect == Dialect::Sqlite => (TokenKind::Other, until("]", 1)),
            '$' if self.dialect == Dialect::Postgres => match dollar_tag(rest) {
                Some(tag) => (TokenKind::Other, until(tag, tag.len())),
                None => (TokenKind::Other, 1),
            },
            _ if first.is_whitespace() => (TokenKind::Blank, run_length(rest, char::is_whitespace)),
            _ if is_word(first) => (TokenKind::Word, run_length(rest, |c| is_word(c) || c == '$')),
            _ => (TokenKind::Other, first.len_utf8()),
        })
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let rest = self.text.get(self.at..)?;
        let (kind, length) = self.next_in(rest)?;
        let start = self.at;
        self.at += length;
        Some(Token { kind, start, end: self.at })
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn run_length(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|character| !belongs(character)).unwrap_or(rest.len())
}

/// The length of a quoted text. A doubled quote, and a quote after the escape character, are part of it.
fn end_of_quoted(rest: &str, quote: char, escape: Option<char>) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if Some(character) == escape {
            characters.next();
        } else if character == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return at + quote.len_utf8();
            }
        }
    }
    rest.len()
}

fn end_of_comment(rest: &str, dialect: Dialect) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") && (depth == 0 || dialect == Dialect::Postgres) {
            (at, depth) = (at + 2, depth + 1);
        } else if here.starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The `$$` or `$tag$` at the beginning of a text.
fn dollar_tag(rest: &str) -> Option<&str> {
    let inside = &rest[1..];
    let length = run_length(inside, is_word);
    let is_tag = inside[length..].starts_with('$') && !inside.starts_with(|first: char| first.is_ascii_digit());
    is_tag.then(|| &rest[..length + 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str, dialect: Dialect) -> Vec<(usize, &str)> {
        statements(script, dialect).into_iter().map(|statement| (statement.line, statement.text)).collect()
    }

    #[test]
    fn semicolon_in_quotes_or_comments_ends_no_statement() {
        let script = "-- a; b\nINSERT INTO t VALUES ('a;''b', \";\"); /* ; */\n\n;\nSELECT 1 -- ;\n";
        for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::MySql] {
            assert_eq!(texts(script, dialect), [(2, "INSERT INTO t VALUES ('a;''b', \";\")"), (5, "SELECT 1")]);
        }
        assert_eq!(texts("SELECT [a;b]; SELECT 2", Dialect::Sqlite), [(1, "SELECT [a;b]"), (1, "SELECT 2")]);
        assert_eq!(texts("SELECT 'a\\';'; # ;\nSELECT 2", Dialect::MySql), [(1, "SELECT 'a\\';'"), (2, "SELECT 2")]);
        assert_eq!(texts("/*!40101 SET @a = 1 */; /* ; */ SELECT 1", Dialect::MySql).len(), 2);
        assert_eq!(texts("SELECT E'\\';', '\\'; SELECT 2", Dialect::Postgres).len(), 2);
    }

    #[test]
    fn body_with_semicolons_is_part_of_its_statement() {
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE b SET c = CASE WHEN 1 THEN 2 END;\n  \
                       DELETE FROM d;\nEND;\nSELECT 1;";
        assert_eq!(texts(trigger, Dialect::Sqlite).len(), 2);
        assert_eq!(texts(trigger, Dialect::Sqlite)[1], (5, "SELECT 1"));
        let procedure = "CREATE PROCEDURE p() BEGIN IF a THEN SELECT 1; END IF; BEGIN SELECT 2; END; CASE a WHEN 1 THEN \
                         SELECT 3; END CASE; END; SELECT 1";
        assert_eq!(texts(procedure, Dialect::MySql).len(), 2);
        let function = "CREATE FUNCTION f() RETURNS int AS $body$ BEGIN; $$;$$ END $body$ LANGUAGE plpgsql; SELECT $1;";
        assert_eq!(texts(function, Dialect::Postgres).len(), 2);
        assert_eq!(texts("BEGIN; SELECT 1; COMMIT;", Dialect::Postgres).len(), 3);
        assert_eq!(texts("/* /* ; */ ; */ SELECT 1", Dialect::Postgres), [(1, "SELECT 1")]);
    }

    #[test]
    fn unterminated_quote_or_comment_is_one_statement() {
        for script in ["SELECT 'a; b", "SELECT $$ ; ", "SELECT /* ; ", "SELECT \"é;"] {
            assert_eq!(texts(script, Dialect::Postgres).len(), 1, "{script}");
        }
        assert!(texts(" ;; -- nothing", Dialect::Sqlite).is_empty());
        assert_eq!(excerpt("SELECT\n   1"), "SELECT 1");
    }
}
