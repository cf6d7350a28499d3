//! The answer of a provider that is asked for a service.

/// The answer of a provider that is asked for a service.
pub(crate) enum Offer<T> {
    Available(T),
    /// The provider cannot offer the service. The text is the remedy.
    Unavailable(String),
}
