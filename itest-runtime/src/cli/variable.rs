//! Variables that fixtures read.

use crate::inject::given_fixture_setting;

/// The value of a variable that a fixture reads: where a service is, or where the user's caches are. For a setting of a fixture this is
/// the value of the flag or of the key in `itest.toml`, if there is one. None if the value is empty.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    let given = given_fixture_setting(name).map(str::to_owned);
    given.or_else(|| std::env::var(name).ok()).filter(|value| !value.is_empty())
}
