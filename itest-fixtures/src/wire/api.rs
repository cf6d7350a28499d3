//! The declaration of a third party.

/// A service of a third party, as a suite knows it.
///
/// # Examples
///
/// ```
/// use itest::Api;
///
/// /// The payment provider.
/// struct Payments;
///
/// impl Api for Payments {
///     const NAME: &'static str = "payments";
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not declare a third party",
    note = "write `impl itest::Api for {Self} {{ const NAME: &'static str = \"…\"; }}`"
)]
pub trait Api: Send + Sync + 'static {
    /// The name of the service in reports.
    const NAME: &'static str;
}
