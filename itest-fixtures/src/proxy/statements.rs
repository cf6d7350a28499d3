//! The statements that passed a proxy, for assertions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use itest_runtime::__private::redacted;
use itest_runtime::Phase;

/// A statement that passed a proxy, and its result.
#[derive(Debug, Clone)]
pub struct SentStatement {
    pub(super) sql: Arc<str>,
    pub(super) phase: Phase,
    pub(super) elapsed: Duration,
    pub(super) result: Result<u64, String>,
}

impl SentStatement {
    /// The text of the statement, with its parameters as `$1`.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The phase of the test in which the statement was sent.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The time from the statement until its result was known.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The number of rows that the statement returned or changed. None if it failed.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.result.as_ref().ok().copied()
    }

    /// The code of the error with which the statement failed, such as `23505`.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.result.as_ref().err().map(String::as_str)
    }
}

/// Statements that passed a proxy, in the order of their results. Statements whose result never came are not among them.
#[derive(Debug, Clone, Default)]
pub struct Statements(Vec<SentStatement>);

/// A statement that was sent several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedStatement {
    /// The text of the statement.
    pub sql: String,
    /// How often it was sent.
    pub times: usize,
}

impl Statements {
    pub(super) fn new(statements: Vec<SentStatement>) -> Self {
        Self(statements)
    }

    /// The statements of one phase.
    #[must_use]
    pub fn during(&self, phase: Phase) -> Self {
        Self(self.0.iter().filter(|statement| statement.phase == phase).cloned().collect())
    }

    /// The statements that begin with one of these texts, such as `SELECT` or `SELECT id FROM account`. Whole words are compared, without regard
    /// to their case and to the spaces between them.
    #[must_use]
    pub fn beginning_with(&self, beginnings: &[&str]) -> Self {
        let begins = |sql: &str, beginning: &str| {
            let mut sent = sql.split_whitespace();
            let is_next = |word: &str| sent.next().is_some_and(|next| next.eq_ignore_ascii_case(word));
            beginning.split_whitespace().all(is_next)
        };
        let is_selected = |sql: &str| beginnings.iter().any(|beginning| begins(sql, beginning));
        Self(self.0.iter().filter(|statement| is_selected(&statement.sql)).cloned().collect())
    }

    /// The number of statements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no statement.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The statements, in order.
    pub fn iter(&self) -> impl Iterator<Item = &SentStatement> {
        self.0.iter()
    }

    /// The statements that were sent more than so many times, the most frequent first. A query in a loop is among them.
    #[must_use]
    pub fn repeated_more_than(&self, times: usize) -> Vec<RepeatedStatement> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for statement in &self.0 {
            *counts.entry(&statement.sql).or_default() += 1;
        }
        let frequent = counts.into_iter().filter(|(_, count)| *count > times);
        let mut repeated: Vec<_> =
            frequent.map(|(sql, times)| RepeatedStatement { sql: sql.to_owned(), times }).collect();
        repeated.sort_by_key(|statement| std::cmp::Reverse(statement.times));
        repeated
    }

    /// Fails if there are more statements than this.
    ///
    /// # Panics
    ///
    /// With the statements.
    #[track_caller]
    pub fn assert_at_most(&self, number: usize) {
        assert!(self.len() <= number, "expected at most {number} statements, got {}\n{self}", self.len());
    }

    /// Fails if a statement was sent more than so many times: it is probably in a loop, where one statement would do (N+1).
    ///
    /// # Panics
    ///
    /// With the statements that were sent too often.
    #[track_caller]
    pub fn assert_none_repeated_more_than(&self, times: usize) {
        let repeated = self.repeated_more_than(times);
        let lines: Vec<_> = repeated
            .iter()
            .map(|statement| format!("{} times: {}", statement.times, one_line(&statement.sql)))
            .collect();
        assert!(repeated.is_empty(), "expected each statement at most {times} times\n{}", lines.join("\n"));
    }
}

impl fmt::Display for Statements {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for statement in &self.0 {
            let result = match &statement.result {
                Ok(rows) => in_rows(*rows),
                Err(code) => format!("error {code}"),
            };
            writeln!(formatter, "{}: {}, {result}", statement.phase, one_line(&statement.sql))?;
        }
        Ok(())
    }
}

/// The longest text of a statement in a line of a report.
const MAX_LINE_CHARS: usize = 120;

/// The beginning of a statement in one line, without secrets.
pub(super) fn one_line(sql: &str) -> String {
    let beginning = &sql[..sql.floor_char_boundary(MAX_LINE_CHARS * 8)];
    let line = redacted(&beginning.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned();
    match line.char_indices().nth(MAX_LINE_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `1 row`, `5 rows`.
pub(super) fn in_rows(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(sent: &[(&str, Phase)]) -> Statements {
        let statement = |(sql, phase): &(&str, Phase)| SentStatement {
            sql: Arc::from(*sql),
            phase: *phase,
            elapsed: Duration::ZERO,
            result: Ok(1),
        };
        Statements::new(sent.iter().map(statement).collect())
    }

    #[test]
    fn query_in_a_loop_is_repeated() {
        let mut sent = vec![("SELECT id FROM a", Phase::Act)];
        sent.extend([("SELECT * FROM b WHERE a = $1", Phase::Act); 3]);
        let all = statements(&sent);
        let expected = RepeatedStatement { sql: "SELECT * FROM b WHERE a = $1".to_owned(), times: 3 };
        assert_eq!(all.repeated_more_than(2), [expected]);
        all.assert_none_repeated_more_than(3);
        let failed = std::panic::catch_unwind(|| all.assert_none_repeated_more_than(2)).unwrap_err();
        let message = failed.downcast::<String>().unwrap();
        assert!(message.contains("3 times: SELECT * FROM b WHERE a = $1"), "{message}");
    }

    #[test]
    fn statements_are_selected_by_phase_and_by_their_first_word() {
        let all = statements(&[("INSERT a", Phase::Arrange), ("select b", Phase::Act), ("BEGIN", Phase::Act)]);
        assert_eq!(all.during(Phase::Act).len(), 2);
        assert_eq!(all.during(Phase::Act).beginning_with(&["SELECT"]).len(), 1);
        assert!(all.during(Phase::Assert).is_empty());
    }

    #[test]
    fn statements_are_selected_by_their_first_words() {
        let all = statements(&[
            ("SELECT *\n  FROM orders WHERE id = $1", Phase::Act),
            ("SELECT * FROM order_line", Phase::Act),
        ]);
        assert_eq!(all.beginning_with(&["select * from orders"]).len(), 1);
        assert_eq!(all.beginning_with(&["SELECT *"]).len(), 2);
        assert_eq!(all.beginning_with(&["SELECT * FROM orders WHERE id = $1 FOR UPDATE", "INSERT"]).len(), 0);
    }

    #[test]
    fn long_statement_is_shown_in_one_line_without_its_password() {
        let line = one_line("ALTER ROLE ann\n  PASSWORD = 's3cret'");
        assert!(!line.contains("s3cret") && line.starts_with("ALTER ROLE ann PASSWORD"), "{line}");
        assert!(one_line(&"x ".repeat(500)).chars().count() <= MAX_LINE_CHARS + 1);
    }
}
