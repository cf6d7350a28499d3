//! A server of one test that plays a third party.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::sync::OnceLock;

use itest_runtime::{Error, Fault, Teardown, TestInfo};

use super::api::Api;
use super::contract_check::ContractCheck;
use super::endpoint::{Endpoint, EndpointOptions, Hooks, Protocols, Security, Stopping};
use super::new_injection::NewInjection;
use super::pattern::RequestPattern;
use super::received::Received;
use super::service::StandInService;
use super::shared::Shared;
use super::stub::NewStub;
use crate::itest::fixture;
#[cfg(feature = "tls")]
use crate::tls::{BadCertificate, CertificateAuthority};

/// A server of one test that plays the third party `A`: a test says which requests it answers, and reads what it received.
///
/// - A request that no stub answers gets the status 501 with the reason, and fails the test with the stub that is the nearest.
/// - A stub that answers fewer requests than it should fails the test at the line where it was written, if the test passed otherwise.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// use itest::{Api, Reply, StandIn, request};
/// use serde_json::json;
///
/// struct Payments;
///
/// impl Api for Payments {
///     const NAME: &'static str = "payments";
/// }
///
/// #[integration_test]
/// async fn card_is_charged_once(payments: &StandIn<Payments>) -> Result<()> {
///     #[arrange]
///     let charge = request::post("/charge").json("/amount", 2598);
///     payments.when(charge).once().reply(Reply::json(200, json!({"id": "pay_1"})));
///
///     #[act]
///     let client = itest::Client::new(payments.url());
///     let response = client.post("/charge").json(&json!({"amount": 2598, "card": "tok_visa"})).await?;
///
///     #[assert]
///     response.assert_status(200).assert_json("/id", "pay_1");
///     assert_eq!(payments.received().len(), 1);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct StandIn<A> {
    shared: Arc<Shared>,
    address: SocketAddr,
    #[cfg(feature = "tls")]
    authority: OnceLock<CertificateAuthority>,
    #[cfg(feature = "tls")]
    teardown: Teardown,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> StandIn<A> {
    async fn start(info: &TestInfo, teardown: &Teardown) -> Result<Self, Error> {
        let endpoint = Endpoint::bind().await?;
        let address = endpoint.address();
        let contract = ContractCheck::of_api::<A>()?;
        let shared = Arc::new(Shared::new(A::NAME, info.clone(), address.port(), contract));
        let service = StandInService(Arc::clone(&shared));
        let (checked, observer) = (Arc::clone(&shared), Arc::clone(&shared));
        let before_stop = Box::new(move |outcome| {
            checked.finish(outcome);
        });
        let hooks = Hooks { before_stop, on_failure: Arc::new(move |failure| observer.take_failure(failure)) };
        #[cfg(feature = "tls")]
        let security = Security::OnRequest(Arc::clone(&shared.tls));
        #[cfg(not(feature = "tls"))]
        let security = Security::Plain;
        let options = EndpointOptions { protocols: Protocols::Http1, security, stopping: Stopping::Immediate, hooks };
        endpoint.serve(service, teardown, options);
        Ok(Self {
            shared,
            address,
            #[cfg(feature = "tls")]
            authority: OnceLock::new(),
            #[cfg(feature = "tls")]
            teardown: teardown.clone(),
            api: PhantomData,
        })
    }

    /// The URL `http://127.0.0.1:PORT`, without a slash at its end. The code under test is configured with it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Accepts HTTPS from now on, and returns the URL `https://127.0.0.1:PORT`, without a slash at its end. The port is that of
    /// [`StandIn::url`], which remains valid.
    ///
    /// The code under test must trust the authority: see [`StandIn::certificate_authority`].
    ///
    /// # Errors
    ///
    /// When no certificate can be made.
    #[cfg(feature = "tls")]
    pub fn https_url(&self) -> Result<String, Error> {
        self.shared.tls.enable()?;
        Ok(format!("https://{}", self.address))
    }

    /// The authority that has signed the certificate of the stand-in. It is the same for all stand-ins of a test: a fixture may also request
    /// `&CertificateAuthority`.
    ///
    /// # Errors
    ///
    /// When no certificate can be made, or its file cannot be written.
    #[cfg(feature = "tls")]
    pub fn certificate_authority(&self) -> Result<&CertificateAuthority, Error> {
        if let Some(authority) = self.authority.get() {
            return Ok(authority);
        }
        let authority = CertificateAuthority::create(&self.teardown)?;
        Ok(self.authority.get_or_init(|| authority))
    }

    /// Presents a bad certificate in all handshakes from now on, and accepts HTTPS at [`StandIn::https_url`].
    ///
    /// That the client refuses it is no failure of the test. If no client begins a handshake, the test fails at this line.
    ///
    /// # Errors
    ///
    /// When no certificate can be made.
    #[cfg(feature = "tls")]
    #[track_caller]
    pub fn present_certificate(&self, bad: BadCertificate) -> Result<(), Error> {
        self.shared.tls.present(bad, Location::caller())
    }

    /// The address that the stand-in listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins a stub for the requests that match a pattern. [`NewStub::reply`] completes it.
    #[track_caller]
    pub fn when(&self, pattern: RequestPattern) -> NewStub<'_> {
        NewStub::new(&self.shared.stubs, &self.shared.contract, pattern, Location::caller())
    }

    /// Begins the injection of a fault. [`NewInjection::on`] says which requests get it.
    ///
    /// A stub answers a request that gets a fault only if the service [processes](Fault::is_processed) it: a stub that answers `once` is not
    /// used up by a timeout, but by an answer that is cut.
    ///
    /// # Panics
    ///
    /// If the fault is a status that a response cannot have, or a fault of a database.
    #[track_caller]
    pub fn inject(&self, fault: Fault) -> NewInjection<'_> {
        NewInjection::new(&self.shared.stubs, fault)
    }

    /// From now on, the recording of this test answers the requests that no stub answers.
    ///
    /// The recording is the file `tests/recordings/SUITE/API/MODULE/TEST.json` in the package of the suite. `--record-stand-ins` writes it:
    /// then the service at [`Api::real_url`] answers the requests that the recording does not have. In all other runs, a request that the
    /// recording does not have gets the status 501 and fails the test, and so does an exchange of the recording that is never used.
    ///
    /// # Examples
    ///
    /// ```
    /// use itest::prelude::*;
    /// # use itest::Api;
    /// # struct Payments;
    /// # impl Api for Payments { const NAME: &'static str = "payments"; }
    ///
    /// #[integration_test]
    /// async fn card_is_charged(payments: &StandIn<Payments>) -> Result<()> {
    ///     payments.use_recording()?;
    ///     let response = itest::Client::new(payments.url()).post("/charge").await?;
    ///     response.assert_status(201);
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// When the recording is missing, damaged, or of another API or a newer version of itest; when another stand-in of the test uses it; and
    /// when it is to be written, but the suite does not say where the real service is, or the variable `CI` is set.
    #[track_caller]
    pub fn use_recording(&self) -> Result<(), Error> {
        self.shared.use_recording(A::real_url(), None, Location::caller())
    }

    /// Like [`StandIn::use_recording`], for a test with several stand-ins of the same API: the name is a part of the file's name,
    /// `TEST.NAME.json`.
    ///
    /// # Errors
    ///
    /// As [`StandIn::use_recording`].
    #[track_caller]
    pub fn use_recording_named(&self, name: &str) -> Result<(), Error> {
        self.shared.use_recording(A::real_url(), Some(name), Location::caller())
    }

    /// All requests that the stand-in has received, in order, also those that no stub answered.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received()
    }

    /// From now on, exchanges that break the contract of the service do not fail the test, and stubs may reply what it forbids: the test tries
    /// what the code under test does with such an answer.
    #[cfg(feature = "contracts")]
    pub fn ignore_contract(&self) {
        self.shared.contract.ignore();
    }

    /// From now on, neither unanswered requests nor unused stubs, faults and recorded exchanges fail the test.
    pub fn lenient(&self) {
        self.shared.be_lenient();
    }
}

impl<A: Api> fmt::Debug for StandIn<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StandIn({}, {})", A::NAME, self.url())
    }
}

/// A stand-in for a third party.
#[fixture(crate = crate::itest)]
async fn stand_in<A: Api>(info: &TestInfo, teardown: &Teardown) -> Result<StandIn<A>, Error> {
    StandIn::start(info, teardown).await
}
