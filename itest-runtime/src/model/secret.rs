//! Text that may hold a password.

use std::fmt;

/// A text that is not shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

#[cfg_attr(not(feature = "history"), expect(dead_code, reason = "only the history has secrets"))]
impl Secret {
    /// Wraps it.
    #[must_use]
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for those who need it.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A text whose URLs have no passwords in them.
///
/// Where it is not clear how far a password goes, rather too much is hidden.
#[must_use]
pub(crate) fn concealed(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
        let (url, behind) = behind.split_at(end);
        match url.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => {
                shown.push_str(user);
                shown.push_str(":***@");
                shown.push_str(&without_parameter(host));
            }
            None => shown.push_str(&without_parameter(url)),
        }
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

/// A password may also be given behind the question mark.
fn without_parameter(url: &str) -> String {
    let Some((before, value)) = url.split_once("password=") else { return url.to_owned() };
    let behind = value.find('&').map_or("", |end| &value[end..]);
    format!("{before}password=***{behind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for (text, shown) in [
            ("--history-url postgres://team:secret@db/itest", "--history-url postgres://team:***@db/itest"),
            ("X=postgres://team:se/cr@et@db/itest and", "X=postgres://team:***@db/itest and"),
            ("postgres://db/itest?password=secret&sslmode=require", "postgres://db/itest?password=***&sslmode=require"),
            ("postgres://team@db:5432/itest", "postgres://team@db:5432/itest"),
            ("a://u:p@h b://u:p@h", "a://u:***@h b://u:***@h"),
            ("--exact orders::pay", "--exact orders::pay"),
        ] {
            assert_eq!(concealed(text), shown);
        }
        assert_eq!(format!("{:?}", Secret::new("secret")), "Secret");
    }
}
