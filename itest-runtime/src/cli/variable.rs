//! Variables that fixtures read.

/// A variable that is set to something, for the fixtures of other crates: where a service is, where the user's caches are.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
