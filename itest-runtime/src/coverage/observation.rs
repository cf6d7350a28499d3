//! What an exchange shows: the points that it used, and with which outcome.

use super::point::HttpOperation;
use super::sql::{TableAccess, is_statement, tables};
use crate::model::{Exchange, ExchangeDirection};

/// The name of the test itself as the sender of a request, as the client of `itest-fixtures` writes it.
const TEST: &str = "test";

/// The name of the object store, whose paths are data and no operations.
const OBJECT_STORE: &str = "S3";

/// The use of a point in an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observation<'e> {
    pub(super) subject: Subject<'e>,
    pub(super) outcome: String,
    pub(super) has_fault: bool,
}

/// What was used, before it is compared with the declared points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject<'e> {
    Endpoint {
        method: &'e str,
        path: &'e str,
    },
    Call {
        service: &'e str,
        method: &'e str,
        path: &'e str,
    },
    /// A call to a service that does not use HTTP.
    PlainCall {
        service: &'e str,
    },
    Publish {
        broker: &'e str,
        topic: &'e str,
    },
    Consume {
        broker: &'e str,
        topic: &'e str,
    },
    Table(String),
}

/// What an exchange shows. A statement of SQL may use several tables.
pub(super) fn observations(exchange: &Exchange) -> Vec<Observation<'_>> {
    let broker = exchange.to.as_str();
    let operation = exchange.operation.as_str();
    let event = |subject, default: &str| {
        let outcome = outcome(exchange, default);
        vec![Observation { subject, outcome, has_fault: exchange.fault.is_some() }]
    };
    if let Some(topic) = operation.strip_prefix("PUBLISH ") {
        return event(Subject::Publish { broker, topic }, "lost");
    }
    if let Some(topic) = operation.strip_prefix("DELIVER ") {
        return event(Subject::Consume { broker, topic }, "lost");
    }
    if let Some(topic) = operation.strip_prefix("RETURN ") {
        let subject = Subject::Publish { broker, topic };
        return vec![Observation { subject, outcome: "unroutable".to_owned(), has_fault: false }];
    }
    if let Some((method, path)) = HttpOperation::split(operation) {
        return event_of_request(exchange, method, path).into_iter().collect();
    }
    if operation.starts_with("SEND ") {
        return event(Subject::PlainCall { service: broker }, "no response");
    }
    statement(exchange)
}

fn event_of_request<'e>(exchange: &'e Exchange, method: &'e str, path: &'e str) -> Option<Observation<'e>> {
    let service = exchange.to.as_str();
    let subject = match exchange.direction {
        ExchangeDirection::Inbound => Subject::Endpoint { method, path },
        // What the test itself asks of a stand-in is no call of the code under test.
        ExchangeDirection::Outbound if exchange.from.as_deref() == Some(TEST) => return None,
        ExchangeDirection::Outbound if service == OBJECT_STORE => {
            let path = match path.trim_matches('/').split_once('/') {
                Some(_) => "/{bucket}/{*key}",
                None if path == "/" => "/",
                None => "/{bucket}",
            };
            Subject::Call { service, method, path }
        }
        ExchangeDirection::Outbound => Subject::Call { service, method, path },
    };
    Some(Observation { subject, outcome: outcome(exchange, "no response"), has_fault: exchange.fault.is_some() })
}

/// The outcome of an exchange: its fault, or else its status.
fn outcome(exchange: &Exchange, without_status: &str) -> String {
    match (&exchange.fault, &exchange.status) {
        (Some(fault), _) => fault.clone(),
        (None, Some(status)) => status.clone(),
        (None, None) => without_status.to_owned(),
    }
}

fn statement(exchange: &Exchange) -> Vec<Observation<'_>> {
    let is_cut_off = exchange.operation.ends_with('…') && !exchange.request.is_empty();
    let text = if is_cut_off { &exchange.request } else { &exchange.operation };
    if !is_statement(text) {
        return Vec::new();
    }
    let failed = match (&exchange.fault, exchange.status.as_deref()) {
        (Some(fault), _) => Some(fault.clone()),
        (None, Some(status)) if status.starts_with("error ") => Some(status.to_owned()),
        (None, Some(_)) => None,
        // The client or the server has ended before the answer, so the effect of the statement is unknown.
        (None, None) => return Vec::new(),
    };
    let observation = |access, table| Observation {
        subject: Subject::Table(table),
        outcome: failed.clone().unwrap_or_else(|| in_words(access).to_owned()),
        has_fault: exchange.fault.is_some(),
    };
    tables(text).into_iter().map(|used| observation(used.access, used.table)).collect()
}

fn in_words(access: TableAccess) -> &'static str {
    match access {
        TableAccess::Read => "read",
        TableAccess::Write => "written",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Phase;

    fn exchange(to: &str, operation: &str, status: Option<&str>) -> Exchange {
        Exchange { status: status.map(str::to_owned), ..Exchange::new(to, operation, Phase::Act) }
    }

    fn shown(exchange: &Exchange) -> Vec<(Subject<'_>, String)> {
        observations(exchange).into_iter().map(|observation| (observation.subject, observation.outcome)).collect()
    }

    #[test]
    fn direction_of_a_request_decides_between_endpoint_and_call() {
        let outbound = exchange("payments", "POST /charge?draft=1", Some("201"));
        let inbound =
            Exchange { direction: ExchangeDirection::Inbound, from: Some(TEST.to_owned()), ..outbound.clone() };
        let (method, path) = ("POST", "/charge");
        assert_eq!(shown(&outbound), [(Subject::Call { service: "payments", method, path }, "201".to_owned())]);
        assert_eq!(shown(&inbound), [(Subject::Endpoint { method, path }, "201".to_owned())]);
    }

    #[test]
    fn request_of_the_test_to_a_stand_in_is_no_call_of_the_code_under_test() {
        let own = Exchange { from: Some(TEST.to_owned()), ..exchange("payments", "POST /charge", Some("201")) };
        assert_eq!(shown(&own), []);
        let other = Exchange { from: Some("shop".to_owned()), ..own };
        assert_eq!(shown(&other).len(), 1);
    }

    #[test]
    fn fault_is_the_outcome_of_an_exchange() {
        let failed =
            Exchange { fault: Some("status-503".to_owned()), ..exchange("payments", "POST /charge", Some("503")) };
        let observed = observations(&failed);
        assert_eq!((observed[0].outcome.as_str(), observed[0].has_fault), ("status-503", true));
        let silent = exchange("payments", "POST /charge", None);
        assert_eq!(observations(&silent)[0].outcome, "no response");
    }

    #[test]
    fn paths_of_the_object_store_are_data() {
        let put = exchange("S3", "PUT /itest-5-receipts/2026/17.txt", Some("200"));
        let path = "/{bucket}/{*key}";
        assert_eq!(shown(&put), [(Subject::Call { service: "S3", method: "PUT", path }, "200".to_owned())]);
    }

    #[test]
    fn statement_uses_its_tables() {
        let insert = exchange("orders", "INSERT INTO orders SELECT 1 FROM users", Some("1 row"));
        let table = |name: &str, outcome: &str| (Subject::Table(name.to_owned()), outcome.to_owned());
        assert_eq!(shown(&insert), [table("orders", "written"), table("users", "read")]);
        let failed = exchange("orders", "SELECT 1 FROM users", Some("error 40001"));
        assert_eq!(shown(&failed), [table("users", "error 40001")]);
        let long =
            Exchange { request: "SELECT a FROM b".to_owned(), ..exchange("orders", "SELECT a…", Some("0 rows")) };
        assert_eq!(shown(&long), [table("b", "read")]);
        assert_eq!(shown(&exchange("orders", "SELECT 1 FROM users", None)), []);
        assert_eq!(shown(&exchange("orders", "connection", None)), []);
        assert_eq!(shown(&exchange("orders", "TLS handshake", Some("error"))), []);
    }

    #[test]
    fn messages_have_a_direction() {
        let sent = exchange("nats", "PUBLISH order.paid", Some("sent"));
        let (broker, topic) = ("nats", "order.paid");
        assert_eq!(shown(&sent), [(Subject::Publish { broker, topic }, "sent".to_owned())]);
        let received = exchange("nats", "DELIVER order.paid", Some("delivered"));
        assert_eq!(shown(&received), [(Subject::Consume { broker, topic }, "delivered".to_owned())]);
    }
}
