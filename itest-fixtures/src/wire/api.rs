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

    /// The URL of the real service, which answers while a test is recorded (`--record-stand-ins`). It may have a path. No other run uses it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use itest::Api;
    /// # struct Payments;
    /// impl Api for Payments {
    ///     const NAME: &'static str = "payments";
    ///
    ///     fn real_url() -> Option<String> {
    ///         std::env::var("PAYMENTS_SANDBOX_URL").ok()
    ///     }
    /// }
    /// ```
    #[must_use]
    fn real_url() -> Option<String> {
        None
    }

    /// The contract of the service: each exchange that breaks it fails its test, and a stub cannot reply what it forbids.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use itest::{Api, Contract, contract};
    /// # struct Payments;
    /// impl Api for Payments {
    ///     const NAME: &'static str = "payments";
    ///
    ///     fn contract() -> Option<Contract> {
    ///         Some(contract!("contracts/payments.yaml"))
    ///     }
    /// }
    /// ```
    #[cfg(feature = "contracts")]
    #[must_use]
    fn contract() -> Option<crate::contract::Contract> {
        None
    }
}
