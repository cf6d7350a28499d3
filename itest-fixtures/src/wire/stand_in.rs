//! A server of one test that plays a third party.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;

use itest_runtime::{Error, Fault, Outcome, Teardown, TestInfo};

use super::api::Api;
use super::endpoint::{Endpoint, EndpointOptions, Hooks, Protocols, Stopping};
use super::new_injection::NewInjection;
use super::pattern::RequestPattern;
use super::received::Received;
use super::service::{Shared, StandInService};
use super::stub::NewStub;
use crate::itest::fixture;

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
    api: PhantomData<fn() -> A>,
}

impl<A: Api> StandIn<A> {
    async fn start(info: &TestInfo, teardown: &Teardown) -> Result<Self, Error> {
        let endpoint = Endpoint::bind().await?;
        let address = endpoint.address();
        let shared = Arc::new(Shared::new(A::NAME, info.clone(), address.port()));
        let service = StandInService(Arc::clone(&shared));
        let (checked, observer) = (Arc::clone(&shared), Arc::clone(&shared));
        let before_stop = Box::new(move |outcome| {
            // If the test failed earlier, the code under test may not have reached its request.
            if outcome == Outcome::Passed {
                checked.check();
            }
        });
        let on_invalid = Arc::new(move |error: &hyper::Error| observer.refuse_bytes(error));
        let hooks = Hooks { before_stop, on_invalid };
        let options = EndpointOptions { protocols: Protocols::Http1, stopping: Stopping::Immediate, hooks };
        endpoint.serve(service, teardown, options);
        Ok(Self { shared, address, api: PhantomData })
    }

    /// The URL `http://127.0.0.1:PORT`, without a slash at its end. The code under test is configured with it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that the stand-in listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins a stub for the requests that match a pattern. [`NewStub::reply`] completes it.
    #[track_caller]
    pub fn when(&self, pattern: RequestPattern) -> NewStub<'_> {
        NewStub::new(&self.shared.stubs, pattern, Location::caller())
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

    /// All requests that the stand-in has received, in order, also those that no stub answered.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received()
    }

    /// From now on, neither unanswered requests nor unused stubs and faults fail the test.
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
