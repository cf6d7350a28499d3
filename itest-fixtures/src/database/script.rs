//! Where the statements of an SQL script begin and end, so that the one that failed can be named.
//!
//! Scripts are given to the database as they are; nothing is executed by what is found here.

/// A statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement<'s> {
    /// The line on which it begins, from 1.
    pub(crate) line: usize,
    /// Its text, without the semicolon and what stands around it.
    pub(crate) text: &'s str,
}

/// Words that begin what ends with `END` inside of a body.
const OPENERS: [&str; 2] = ["BEGIN", "CASE"];

/// What `END` is followed by where it ends something that was not counted.
const UNCOUNTED: [&str; 5] = ["IF", "LOOP", "WHILE", "REPEAT", "FOR"];

/// What has a body that may hold semicolons.
const WITH_BODY: [&str; 4] = ["TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"];

/// Which characters the databases disagree about.
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
    let mut found = Vec::new();
    let (mut begin, mut body, mut last) = (None, Body::default(), 0);
    for token in Tokens::of(script, dialect).filter(|token| token.kind != Kind::Blank) {
        body.read(token.kind, &script[token.start..token.end]);
        if token.kind == Kind::Semicolon && body.depth == 0 {
            if let Some(start) = begin.take() {
                found.push(cut(script, start, last));
            }
            body = Body::default();
        } else {
            begin.get_or_insert(token.start);
            last = token.end;
        }
    }
    if let Some(start) = begin {
        found.push(cut(script, start, last));
    }
    found
}

/// The line of a byte of a text, from 1.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

/// The beginning of a statement, in one line, for a message.
#[cfg(any(feature = "data", feature = "migrations"))]
pub(crate) fn excerpt(statement: &str) -> String {
    const LONGEST: usize = 100;
    let mut line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// The text without comments and with single blanks between its tokens, so that two ways to write one thing are one text.
#[cfg(all(feature = "migrations", any(feature = "sqlite", feature = "mysql")))]
pub(crate) fn normalized(sql: &str, dialect: Dialect) -> String {
    let tokens = Tokens::of(sql, dialect).filter(|token| token.kind != Kind::Blank);
    tokens.map(|token| &sql[token.start..token.end]).collect::<Vec<_>>().join(" ")
}

/// The text without line breaks and comments outside of its literals.
pub(crate) fn in_one_line(sql: &str, dialect: Dialect) -> String {
    let parts = Tokens::of(sql.trim(), dialect).map(|token| match token.kind {
        Kind::Blank => " ",
        Kind::Word | Kind::Semicolon | Kind::Other => &sql.trim()[token.start..token.end],
    });
    parts.collect()
}

/// The words and signs of a text; comments and blanks are left out.
#[cfg(all(feature = "migrations", feature = "sqlite"))]
pub(crate) fn tokens(sql: &str, dialect: Dialect) -> impl Iterator<Item = &str> {
    Tokens::of(sql, dialect).filter(|token| token.kind != Kind::Blank).map(|token| &sql[token.start..token.end])
}

fn cut(script: &str, start: usize, end: usize) -> Statement<'_> {
    Statement { line: line_of(script, start), text: &script[start..end] }
}

/// How deep a statement is in the blocks of a body.
#[derive(Debug, Default)]
struct Body {
    words: usize,
    creates: bool,
    may_nest: bool,
    depth: usize,
    /// The last word was `END`, and what it ends depends on the next one.
    ending: bool,
}

impl Body {
    fn read(&mut self, kind: Kind, text: &str) {
        let upper = if kind == Kind::Word { text.to_ascii_uppercase() } else { String::new() };
        let word = upper.as_str();
        if self.ending {
            self.ending = false;
            if UNCOUNTED.contains(&word) {
                return;
            }
            self.depth = self.depth.saturating_sub(1);
            if word == "CASE" {
                return;
            }
        }
        if kind != Kind::Word {
            return;
        }
        self.words += 1;
        self.creates |= self.words == 1 && word == "CREATE";
        self.may_nest |= self.creates && WITH_BODY.contains(&word);
        if self.may_nest && OPENERS.contains(&word) {
            self.depth += 1;
        }
        self.ending = self.depth > 0 && word == "END";
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// White space or a comment.
    Blank,
    Word,
    Semicolon,
    /// Signs, literals, quoted names.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
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

    /// Where the token that begins `rest` ends, counted from its beginning.
    fn next_in(&self, rest: &str) -> Option<(Kind, usize)> {
        let first = rest.chars().next()?;
        let until = |end: &str, from: usize| {
            rest.get(from..).and_then(|inside| inside.find(end)).map_or(rest.len(), |found| from + found + end.len())
        };
        let my_sql = self.dialect == Dialect::MySql;
        Some(match first {
            ';' => (Kind::Semicolon, 1),
            _ if rest.starts_with("--") || (first == '#' && my_sql) => (Kind::Blank, until("\n", 0)),
            // MySQL executes what stands in these.
            _ if my_sql && (rest.starts_with("/*!") || rest.starts_with("/*M!")) => {
                (Kind::Other, end_of_comment(rest, self.dialect))
            }
            _ if rest.starts_with("/*") => (Kind::Blank, end_of_comment(rest, self.dialect)),
            '\'' => (Kind::Other, end_of_quoted(rest, '\'', if my_sql { Some('\\') } else { None })),
            'E' | 'e' if self.dialect == Dialect::Postgres && rest[1..].starts_with('\'') => {
                (Kind::Other, 1 + end_of_quoted(&rest[1..], '\'', Some('\\')))
            }
            '"' => (Kind::Other, end_of_quoted(rest, '"', if my_sql { Some('\\') } else { None })),
            '`' => (Kind::Other, end_of_quoted(rest, '`', None)),
            '[' if self.dialect == Dialect::Sqlite => (Kind::Other, until("]", 1)),
            '$' if self.dialect == Dialect::Postgres => match dollar_tag(rest) {
                Some(tag) => (Kind::Other, until(tag, tag.len())),
                None => (Kind::Other, 1),
            },
            _ if first.is_whitespace() => (Kind::Blank, run(rest, char::is_whitespace)),
            _ if is_word(first) => (Kind::Word, run(rest, |c| is_word(c) || c == '$')),
            _ => (Kind::Other, first.len_utf8()),
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

fn run(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|character| !belongs(character)).unwrap_or(rest.len())
}

/// Two quotes in a row, and a quote behind the escape, do not end it.
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

/// `$$` or `$tag$` at the beginning.
fn dollar_tag(rest: &str) -> Option<&str> {
    let inside = &rest[1..];
    let length = run(inside, is_word);
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
    fn semicolons_in_quotes_and_comments_end_nothing() {
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
    fn bodies_are_part_of_their_statement() {
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
    fn what_never_ends_is_one_statement() {
        for script in ["SELECT 'a; b", "SELECT $$ ; ", "SELECT /* ; ", "SELECT \"é;"] {
            assert_eq!(texts(script, Dialect::Postgres).len(), 1, "{script}");
        }
        assert!(texts(" ;; -- nothing", Dialect::Sqlite).is_empty());
        assert_eq!(excerpt("SELECT\n   1"), "SELECT 1");
    }
}
