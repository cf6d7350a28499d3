//! What a provider has of a service.

/// What a provider has.
pub(super) enum Offer<T> {
    Found(T),
    /// Nothing; the text says what to do about that.
    Nothing(String),
}
