//! An exchange of a stand-in whose answer is not known yet.

use hyper::body::Bytes;
use itest_runtime::__private::Exchange;
use itest_runtime::TestInfo;

use super::received::Received;
use super::requests_underway::{Reporter, report_request_of_client};
use crate::shown::{MAX_CHARS_IN_EXCHANGE, shown_body};

/// An exchange that is recorded when its answer is known, or when the client does not wait for it any longer.
pub(super) struct PendingExchange<'s> {
    info: &'s TestInfo,
    pub(super) exchange: Exchange,
    request: Option<Received>,
    /// The first part of the response's body.
    pub(super) response: Option<Bytes>,
}

impl<'s> PendingExchange<'s> {
    /// An exchange with the third party of this name, which begins now.
    pub(super) fn new(info: &'s TestInfo, name: &'static str) -> Self {
        let mut exchange = Exchange::new(name, String::new(), info.phase());
        exchange.at = info.elapsed();
        Self { info, exchange, request: None, response: None }
    }

    /// Notes the request, which a stand-in has received at a port.
    pub(super) fn receive(&mut self, request: Received, port: u16) {
        let sender = report_request_of_client(port, request.method(), &request.target(), &Reporter::Endpoint);
        self.exchange.from = sender.map(|sender| sender.to_string());
        self.request = Some(request);
    }
}

impl Drop for PendingExchange<'_> {
    fn drop(&mut self) {
        // A request whose body never arrived is not recorded.
        let Some(request) = self.request.take() else { return };
        let response = self.response.take();
        let mut exchange = self.exchange.clone();
        exchange.elapsed = self.info.elapsed().saturating_sub(exchange.at);
        exchange.request_bytes = request.bytes().len() as u64;
        self.info.add_exchange(exchange, move |exchange| {
            exchange.operation = request.operation();
            exchange.request = shown_body(request.bytes(), MAX_CHARS_IN_EXCHANGE).0;
            exchange.response =
                response.map(|response| shown_body(&response, MAX_CHARS_IN_EXCHANGE).0).unwrap_or_default();
        });
    }
}
