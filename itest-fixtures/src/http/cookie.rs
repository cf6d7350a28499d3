//! A cookie that a response sets, and assertions on its attributes.

use std::fmt;

/// A cookie that a response sets (`Set-Cookie`).
///
/// Its `Debug` output has no value, because it may be a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SetCookie {
    name: String,
    value: String,
    attributes: Vec<(String, String)>,
}

impl SetCookie {
    /// Parses the value of a header as browsers do: an attribute is a name and perhaps a value.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let attributes = parts.filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_owned(), value.trim().to_owned())
        });
        Some(Self { name: name.trim().to_owned(), value: value.trim().to_owned(), attributes: attributes.collect() })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value as it was sent.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The value of an attribute, such as `Path` or `Max-Age`, in any case. It is empty for an attribute without a value, such as `Secure`.
    /// If an attribute occurs several times, the last one counts.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut last_first = self.attributes.iter().rev();
        last_first.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

impl fmt::Debug for SetCookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}=***", self.name)?;
        self.attributes.iter().try_for_each(|(name, value)| match &**value {
            "" => write!(formatter, "; {name}"),
            value => write!(formatter, "; {name}={value}"),
        })
    }
}

/// A cookie that a response sets, for assertions on its attributes. Each assertion fails with the request and the response.
#[derive(Clone)]
pub struct CookieAssertion<'r> {
    cookie: SetCookie,
    exchange: &'r (dyn fmt::Display + Sync),
}

impl<'r> CookieAssertion<'r> {
    pub(super) fn new(cookie: SetCookie, exchange: &'r (dyn fmt::Display + Sync)) -> Self {
        Self { cookie, exchange }
    }

    /// The value of the cookie.
    #[must_use]
    pub fn value(&self) -> &str {
        self.cookie.value()
    }

    /// Fails unless scripts of a page cannot read the cookie (`HttpOnly`).
    ///
    /// # Panics
    ///
    /// With request and response.
    #[expect(clippy::must_use_candidate, reason = "an assertion is called because it can fail")]
    #[track_caller]
    pub fn assert_http_only(&self) -> &Self {
        self.assert_flag("HttpOnly")
    }

    /// Fails unless browsers send the cookie over TLS only (`Secure`).
    ///
    /// # Panics
    ///
    /// With request and response.
    #[expect(clippy::must_use_candidate, reason = "an assertion is called because it can fail")]
    #[track_caller]
    pub fn assert_secure(&self) -> &Self {
        self.assert_flag("Secure")
    }

    /// Fails unless the cookie has this `SameSite`: `Strict`, `Lax` or `None`, in any case.
    ///
    /// # Panics
    ///
    /// With request and response.
    #[expect(clippy::must_use_candidate, reason = "an assertion is called because it can fail")]
    #[track_caller]
    pub fn assert_same_site(&self, expected: &str) -> &Self {
        let actual = self.cookie.attribute("SameSite");
        let is_same = actual.is_some_and(|actual| actual.eq_ignore_ascii_case(expected));
        self.assert_attribute_is("SameSite", expected, is_same)
    }

    /// Fails unless the cookie has this attribute, such as `Path` or `Max-Age`, with this value.
    ///
    /// # Panics
    ///
    /// With request and response.
    #[expect(clippy::must_use_candidate, reason = "an assertion is called because it can fail")]
    #[track_caller]
    pub fn assert_attribute(&self, name: &str, expected: &str) -> &Self {
        self.assert_attribute_is(name, expected, self.cookie.attribute(name) == Some(expected))
    }

    #[track_caller]
    fn assert_flag(&self, name: &str) -> &Self {
        let Self { cookie, exchange } = self;
        assert!(cookie.attribute(name).is_some(), "the cookie {:?} is not {name}: {cookie:?}\n{exchange}", cookie.name);
        self
    }

    #[track_caller]
    fn assert_attribute_is(&self, name: &str, expected: &str, holds: bool) -> &Self {
        let Self { cookie, exchange } = self;
        let actual = cookie.attribute(name).map_or_else(|| "none".to_owned(), |actual| format!("{actual:?}"));
        let cookie_name = &cookie.name;
        assert!(
            holds,
            "expected {name} {expected:?} of the cookie {cookie_name:?}, got {actual}: {cookie:?}\n{exchange}"
        );
        self
    }
}

impl fmt::Debug for CookieAssertion<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.cookie, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(header: &str) -> SetCookie {
        SetCookie::parse(header).unwrap()
    }

    fn message(assert: impl FnOnce(&CookieAssertion<'_>) + std::panic::UnwindSafe, header: &str) -> String {
        let cookie = cookie(header);
        let failed = std::panic::catch_unwind(|| assert(&CookieAssertion::new(cookie, &"> GET /")));
        *failed.unwrap_err().downcast::<String>().unwrap()
    }

    #[test]
    fn attributes_are_parsed_in_any_case_and_the_last_one_counts() {
        let cookie = cookie("sid=a=b; path=/old; HTTPONLY; Path=/ ;samesite=lax; Max-Age=60;");
        assert_eq!((cookie.name(), cookie.value()), ("sid", "a=b"));
        assert_eq!(cookie.attribute("Path"), Some("/"));
        assert_eq!((cookie.attribute("HttpOnly"), cookie.attribute("Secure")), (Some(""), None));
        let assertion = CookieAssertion::new(cookie, &"");
        assertion.assert_http_only().assert_same_site("Lax").assert_attribute("max-age", "60");
        assert!(SetCookie::parse("no value").is_none());
    }

    #[test]
    fn failed_assertions_show_the_attributes_and_not_the_value() {
        let header = "sid=s3cret; SameSite=None; Secure";
        let http_only = message(|cookie| drop(cookie.assert_http_only().clone()), header);
        assert_eq!(http_only, "the cookie \"sid\" is not HttpOnly: sid=***; SameSite=None; Secure\n> GET /");
        let same_site = message(|cookie| drop(cookie.assert_same_site("Lax").clone()), header);
        let expected = "expected SameSite \"Lax\" of the cookie \"sid\", got \"None\": sid=***; SameSite=None; Secure";
        assert!(same_site.starts_with(expected), "{same_site}");
        let path = message(|cookie| drop(cookie.assert_attribute("Path", "/").clone()), header);
        assert!(path.starts_with("expected Path \"/\" of the cookie \"sid\", got none: sid=***"), "{path}");
    }
}
