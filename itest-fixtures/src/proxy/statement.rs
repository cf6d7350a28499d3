//! Patterns for the statements that pass a proxy.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

/// Selects statements by their text.
#[derive(Clone)]
pub struct StatementPattern {
    description: Arc<str>,
    condition: Condition,
}

#[derive(Clone)]
enum Condition {
    /// The normalized statement contains this normalized text.
    Contains(Arc<str>),
    Closure(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl StatementPattern {
    pub(super) fn matches(&self, statement: &StatementText<'_>) -> bool {
        match &self.condition {
            Condition::Contains(text) => statement.normalized().contains(&**text),
            Condition::Closure(matches) => matches(statement.sql),
        }
    }
}

/// The text of a statement, which is normalized at most once, however many patterns there are.
pub(super) struct StatementText<'s> {
    sql: &'s str,
    normalized: OnceCell<String>,
}

impl<'s> StatementText<'s> {
    pub(super) fn new(sql: &'s str) -> Self {
        Self { sql, normalized: OnceCell::new() }
    }

    fn normalized(&self) -> &str {
        self.normalized.get_or_init(|| normalized(self.sql))
    }
}

impl fmt::Display for StatementPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.description)
    }
}

impl fmt::Debug for StatementPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StatementPattern({})", self.description)
    }
}

/// Statements that contain a text. Upper and lower case are the same, and so are one space and several spaces or line breaks.
///
/// # Examples
///
/// ```
/// use itest::statement;
///
/// let update = statement::containing("UPDATE account SET balance");
/// assert_eq!(update.to_string(), "statements with \"UPDATE account SET balance\"");
/// ```
#[must_use]
pub fn containing(text: &str) -> StatementPattern {
    let condition = Condition::Contains(Arc::from(normalized(text)));
    StatementPattern { description: Arc::from(format!("statements with {text:?}")), condition }
}

/// Statements that a closure selects. The description stands in messages.
#[must_use]
pub fn matching(
    description: impl Into<String>,
    matches: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> StatementPattern {
    StatementPattern { description: Arc::from(description.into()), condition: Condition::Closure(Arc::new(matches)) }
}

fn normalized(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_spaces_do_not_matter() {
        let matches = |pattern: &StatementPattern, sql: &str| pattern.matches(&StatementText::new(sql));
        let pattern = containing("update  Account");
        assert!(matches(&pattern, "WITH x AS (SELECT 1)\n  UPDATE\n  account SET y = 1"));
        assert!(!matches(&pattern, "UPDATE stores"));
        assert!(matches(&matching("long ones", |sql| sql.len() > 3), "COMMIT"));
    }
}
