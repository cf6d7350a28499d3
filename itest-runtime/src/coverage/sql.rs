//! The tables that a statement of SQL reads or writes.

/// What a statement does with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TableAccess {
    Read,
    Write,
}

/// A table in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableUse {
    pub(super) table: String,
    pub(super) access: TableAccess,
}

/// The words with which a statement about rows begins.
const STATEMENTS: [&str; 9] = ["select", "insert", "update", "delete", "with", "merge", "copy", "truncate", "table"];

/// Functions whose arguments contain the word `FROM`.
const FUNCTIONS_WITH_FROM: [&str; 4] = ["extract", "substring", "trim", "overlay"];

/// Words that may follow the name of a table and are no alias.
const AFTER_TABLE: [&str; 20] = [
    "where",
    "join",
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "natural",
    "on",
    "using",
    "group",
    "order",
    "limit",
    "set",
    "values",
    "returning",
    "for",
    "union",
    "offset",
    "having",
];

/// Whether an operation is a statement about rows.
pub(super) fn is_statement(operation: &str) -> bool {
    let operation = operation.trim_start_matches(['(', ' ']);
    let word = operation.split(|character: char| !character.is_ascii_alphabetic()).next().unwrap_or_default();
    STATEMENTS.contains(&word.to_ascii_lowercase().as_str())
}

/// The tables of a statement. A table may be there several times.
pub(super) fn tables(statement: &str) -> Vec<TableUse> {
    let tokens = tokens(statement);
    let mut reader =
        Reader { tokens: &tokens, at: 0, parentheses: Vec::new(), own: names_of_ctes(&tokens), uses: Vec::new() };
    while reader.at < tokens.len() {
        reader.step();
    }
    reader.uses
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A word without quotes, in small letters.
    Word(String),
    /// A name in double quotes.
    Quoted(String),
    Symbol(char),
}

impl Token {
    fn is(&self, expected: &str) -> bool {
        matches!(self, Self::Word(word) if word == expected)
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name),
            Self::Symbol(_) => None,
        }
    }
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    /// Whether each open parenthesis belongs to a function whose arguments contain `FROM`.
    parentheses: Vec<bool>,
    /// The names that the statement defines itself.
    own: Vec<String>,
    uses: Vec<TableUse>,
}

impl Reader<'_> {
    fn previous(&self) -> Option<&Token> {
        self.at.checked_sub(1).and_then(|before| self.tokens.get(before))
    }

    fn follows(&self, word: &str) -> bool {
        self.previous().is_some_and(|token| token.is(word))
    }

    fn step(&mut self) {
        let is_function = |token: &Token| FUNCTIONS_WITH_FROM.iter().any(|function| token.is(function));
        let token = &self.tokens[self.at];
        match token {
            Token::Symbol('(') => self.parentheses.push(self.previous().is_some_and(is_function)),
            Token::Symbol(')') => {
                self.parentheses.pop();
            }
            Token::Word(word) => match word.as_str() {
                "from" if self.parentheses.last() != Some(&true) && !self.follows("distinct") => {
                    let is_deletion = self.follows("delete");
                    self.at += 1;
                    return self.list(if is_deletion { TableAccess::Write } else { TableAccess::Read });
                }
                "join" => {
                    self.at += 1;
                    return self.list(TableAccess::Read);
                }
                "into" => {
                    self.at += 1;
                    return self.target(TableAccess::Write);
                }
                "update"
                    if !self.follows("for") && !self.follows("key") && !self.follows("do") && !self.follows("then") =>
                {
                    self.at += 1;
                    return self.target(TableAccess::Write);
                }
                "truncate" | "copy" if self.at == 0 => {
                    self.at += 1;
                    if self.tokens.get(self.at).is_some_and(|token| token.is("table")) {
                        self.at += 1;
                    }
                    let is_read = self.tokens.iter().any(|token| token.is("to")) && word == "copy";
                    return self.target(if is_read { TableAccess::Read } else { TableAccess::Write });
                }
                _ => {}
            },
            _ => {}
        }
        self.at += 1;
    }

    /// The table at this position, which a statement writes. Its columns may follow in parentheses.
    fn target(&mut self, access: TableAccess) {
        if let Some(table) = self.name() {
            self.add(table, access);
        }
    }

    /// The tables at this position: names, each with an alias, between commas.
    fn list(&mut self, access: TableAccess) {
        loop {
            let Some(table) = self.name() else { return };
            // A name before a parenthesis is a function that returns rows.
            if self.tokens.get(self.at) == Some(&Token::Symbol('(')) {
                return;
            }
            self.add(table, access);
            if self.tokens.get(self.at).is_some_and(|token| token.is("as")) {
                self.at += 1;
            }
            let is_alias = |token: &Token| token.name().is_some_and(|name| !AFTER_TABLE.contains(&name));
            if self.tokens.get(self.at).is_some_and(is_alias) {
                self.at += 1;
            }
            if self.tokens.get(self.at) != Some(&Token::Symbol(',')) {
                return;
            }
            self.at += 1;
        }
    }

    /// Reads a name with its schema.
    fn name(&mut self) -> Option<String> {
        for modifier in ["only", "lateral"] {
            if self.tokens.get(self.at).is_some_and(|token| token.is(modifier)) {
                self.at += 1;
            }
        }
        let mut name = self.tokens.get(self.at)?.name()?.to_owned();
        if self.tokens[self.at].is("select") || self.tokens[self.at].is("set") {
            return None;
        }
        self.at += 1;
        while self.tokens.get(self.at) == Some(&Token::Symbol('.'))
            && let Some(part) = self.tokens.get(self.at + 1).and_then(Token::name)
        {
            name = format!("{name}.{part}");
            self.at += 2;
        }
        Some(name)
    }

    fn add(&mut self, table: String, access: TableAccess) {
        let table = table.strip_prefix("public.").map(str::to_owned).unwrap_or(table);
        // The catalog and the tables of migrations are no data of the code under test.
        let is_internal = ["pg_", "information_schema.", "_sqlx_"].iter().any(|start| table.starts_with(start));
        let is_stream = ["stdin", "stdout"].contains(&table.as_str());
        if !is_internal && !is_stream && !self.own.contains(&table) {
            self.uses.push(TableUse { table, access });
        }
    }
}

/// The names of the common table expressions: `WITH name AS (…), other (a, b) AS (…)`.
fn names_of_ctes(tokens: &[Token]) -> Vec<String> {
    if !tokens.iter().any(|token| token.is("with")) {
        return Vec::new();
    }
    let mut names = Vec::new();
    let positions = (0..tokens.len()).filter(|at| tokens[*at].is("as"));
    for at in positions {
        let rest = tokens[at + 1..].iter().find(|token| !token.is("not") && !token.is("materialized"));
        if rest != Some(&Token::Symbol('(')) {
            continue;
        }
        // The columns may stand between the name and the word `AS`.
        let before = &tokens[..at];
        let end = if before.last() == Some(&Token::Symbol(')')) {
            before.iter().rposition(|token| *token == Token::Symbol('(')).unwrap_or(0)
        } else {
            at
        };
        names.extend(end.checked_sub(1).and_then(|name| tokens[name].name()).map(str::to_owned));
    }
    names
}

/// The words, names and symbols of a statement, without its comments and texts.
fn tokens(statement: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '\'' => quoted_length(rest, '\''),
            '"' => {
                let length = quoted_length(rest, '"');
                tokens.push(Token::Quoted(rest[..length].trim_matches('"').replace("\"\"", "\"")));
                length
            }
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            first if first.is_alphabetic() || first == '_' => {
                let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
                let length = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_lowercase()));
                length
            }
            // The digits of a number are no name.
            first if first.is_ascii_digit() || first == '$' => rest
                .find(|character: char| !character.is_ascii_alphanumeric() && character != '$')
                .unwrap_or(rest.len()),
            other => {
                if !other.is_whitespace() {
                    tokens.push(Token::Symbol(other));
                }
                other.len_utf8()
            }
        };
        rest = &rest[skipped.max(first.len_utf8())..];
    }
    tokens
}

/// The length of a text in quotes at the beginning of a statement. A doubled quote is part of the text.
fn quoted_length(statement: &str, quote: char) -> usize {
    let mut characters = statement.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => {
                    characters.next();
                }
                _ => return at + quote.len_utf8(),
            }
        }
    }
    statement.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn described(statement: &str) -> String {
        let tables = tables(statement).into_iter().map(|TableUse { table, access }| {
            format!("{} {table}", if access == TableAccess::Read { "reads" } else { "writes" })
        });
        tables.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn statements_name_their_tables() {
        for (statement, expected) in [
            ("SELECT * FROM orders WHERE id = $1", "reads orders"),
            (
                "select o.id from orders o, \"Items\" as i join public.users u on u.id = o.user",
                "reads orders, reads Items, reads users",
            ),
            (
                "INSERT INTO orders (id, \"from\") VALUES ($1, 'x FROM y') ON CONFLICT DO UPDATE SET id = 1",
                "writes orders",
            ),
            ("INSERT INTO archive.orders SELECT * FROM orders", "writes archive.orders, reads orders"),
            ("UPDATE orders SET status = $1 FROM users WHERE true", "writes orders, reads users"),
            ("DELETE FROM orders USING users", "writes orders"),
            ("SELECT id FROM couriers ORDER BY n LIMIT 1 FOR UPDATE SKIP LOCKED", "reads couriers"),
            ("SELECT id FROM couriers FOR NO KEY UPDATE", "reads couriers"),
            (
                "WITH next AS (SELECT id FROM jobs), other (a, b) AS (SELECT 1, 2) UPDATE jobs SET x = 1 FROM next",
                "reads jobs, writes jobs",
            ),
            ("SELECT extract(year FROM at), a IS DISTINCT FROM b FROM events", "reads events"),
            ("SELECT * FROM generate_series(1, 3)", ""),
            ("SELECT * FROM (SELECT 1 FROM inside) x", "reads inside"),
            ("SELECT * FROM pg_catalog.pg_class, _sqlx_migrations", ""),
            ("TRUNCATE TABLE orders", "writes orders"),
            ("COPY orders FROM STDIN", "writes orders"),
            ("SELECT 1 -- FROM nothing\n", ""),
            ("SELECT /* FROM a */ 'it''s FROM b'", ""),
            ("BEGIN", ""),
        ] {
            assert_eq!(described(statement), expected, "{statement}");
        }
    }

    #[test]
    fn requests_of_http_are_no_statements() {
        assert!(is_statement("DELETE FROM orders") && is_statement("(select 1)"));
        assert!(!is_statement("POST /orders") && !is_statement("PUBLISH a") && !is_statement("BEGIN"));
    }

    proptest! {
        #[test]
        fn reading_never_panics(statement in "(?i)(select|from|join|with|as|update|into|'|\"|--|/\\*|\\(|\\)|,|\\.| |[a-zé]{1,3}){0,30}") {
            tables(&statement);
        }
    }
}
