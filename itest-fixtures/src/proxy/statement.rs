//! Patterns for the statements that pass a proxy.

use std::fmt;
use std::sync::Arc;

/// Selects statements by their text.
#[derive(Clone)]
pub struct StatementPattern {
    description: String,
    matches: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl StatementPattern {
    pub(super) fn matches(&self, sql: &str) -> bool {
        (self.matches)(sql)
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
    let wanted = normalized(text);
    StatementPattern {
        description: format!("statements with {text:?}"),
        matches: Arc::new(move |sql| normalized(sql).contains(&wanted)),
    }
}

/// Statements that a closure selects. The description stands in messages.
#[must_use]
pub fn matching(
    description: impl Into<String>,
    matches: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> StatementPattern {
    StatementPattern { description: description.into(), matches: Arc::new(matches) }
}

fn normalized(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_spaces_do_not_matter() {
        let pattern = containing("update  Account");
        assert!(pattern.matches("WITH x AS (SELECT 1)\n  UPDATE\n  account SET y = 1"));
        assert!(!pattern.matches("UPDATE accounting_period"[..6].trim()));
        assert!(matching("long ones", |sql| sql.len() > 3).matches("COMMIT"));
    }
}
