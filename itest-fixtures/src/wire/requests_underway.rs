//! The requests that clients of this process are sending to endpoints of this process, so that each exchange is reported once.
//!
//! A client and an endpoint in the same process both see a request. The endpoint recognizes it by its port, method and target, and they agree
//! which of them reports the exchange. No header marks the request, because the code under test would see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static REQUESTS: Mutex<Vec<Arc<Entry>>> = Mutex::new(Vec::new());

fn requests() -> MutexGuard<'static, Vec<Arc<Entry>>> {
    REQUESTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which party reports an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reporter {
    /// The client, because no endpoint of this process has received the request so far.
    Client,
    /// The client, and the endpoint has this name.
    ClientOf(Arc<str>),
    /// The endpoint, because it knows more about the exchange.
    Endpoint,
}

#[derive(Debug)]
struct Entry {
    port: u16,
    method: String,
    target: String,
    sender: Arc<str>,
    reporter: Mutex<Reporter>,
}

impl Entry {
    fn reporter(&self) -> MutexGuard<'_, Reporter> {
        self.reporter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that a client of this process is sending. Endpoints recognize it until it is dropped.
#[derive(Debug)]
pub(crate) struct RequestUnderway(Arc<Entry>);

impl RequestUnderway {
    /// A request with a method and a target (`/orders?page=2`) to a port of this machine. `sender` is the name of the client's party.
    pub(crate) fn new(port: u16, method: &str, target: &str, sender: Arc<str>) -> Self {
        let (method, target) = (method.to_owned(), without_empty_query(target).to_owned());
        let reporter = Mutex::new(Reporter::Client);
        let entry = Arc::new(Entry { port, method, target, sender, reporter });
        requests().push(Arc::clone(&entry));
        Self(entry)
    }

    /// Which party reports the exchange.
    pub(crate) fn reporter(&self) -> Reporter {
        self.0.reporter().clone()
    }
}

impl Drop for RequestUnderway {
    fn drop(&mut self) {
        requests().retain(|entry| !Arc::ptr_eq(entry, &self.0));
    }
}

/// Decides who reports a request that an endpoint has received. Returns the name of the sender, or none if no client of this process has
/// sent the request.
pub(crate) fn report_request_of_client(port: u16, method: &str, target: &str, reporter: &Reporter) -> Option<Arc<str>> {
    let (requests, target) = (requests(), without_empty_query(target));
    let mut same =
        requests.iter().filter(|entry| (entry.port, &*entry.method, &*entry.target) == (port, method, target));
    // Equal requests that are sent at the same time belong to one endpoint each.
    let entry = same.find(|entry| *entry.reporter() == Reporter::Client)?;
    *entry.reporter() = reporter.clone();
    Some(Arc::clone(&entry.sender))
}

/// A client may send an empty query as `?`, and an endpoint may drop it.
fn without_empty_query(target: &str) -> &str {
    target.strip_suffix('?').unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_requests_are_recognized_once_each() {
        let sent = || RequestUnderway::new(1, "GET", "/equal", "test".into());
        let (one, other) = (sent(), sent());
        let received = |target: &str| report_request_of_client(1, "GET", target, &Reporter::Endpoint);
        assert_eq!(received("/another"), None);
        assert_eq!((received("/equal").as_deref(), one.reporter()), (Some("test"), Reporter::Endpoint));
        assert_eq!((other.reporter(), received("/equal").is_some()), (Reporter::Client, true));
        assert_eq!((other.reporter(), received("/equal")), (Reporter::Endpoint, None));
    }

    #[test]
    fn request_that_has_ended_is_not_recognized() {
        drop(RequestUnderway::new(1, "GET", "/ended", "test".into()));
        assert_eq!(report_request_of_client(1, "GET", "/ended", &Reporter::Endpoint), None);
    }
}
