//! Finds the point that belongs to what an exchange shows: a declared one if its template matches, or else a generalized one.

use std::collections::{HashMap, HashSet};

use super::observation::Subject;
use super::point::{HttpOperation, Point};
use super::template::{Template, length};

/// The broker whose topics begin with the name of an exchange, which a declaration may leave out.
const BROKER_WITH_EXCHANGES: &str = "rabbitmq";

/// The declared points.
#[derive(Debug, Default)]
pub(super) struct PointIndex {
    /// By method.
    endpoints: HashMap<String, Templates>,
    /// By service and method.
    calls: HashMap<String, Templates>,
    published: Templates,
    consumed: Templates,
    /// The services that are declared without an operation.
    services: HashSet<String>,
}

/// The templates with one meaning, in groups, so that a path is compared with few of them.
#[derive(Debug, Default)]
struct Templates {
    by_length: HashMap<usize, Vec<Template>>,
    of_any_length: Vec<Template>,
}

impl Templates {
    fn add(&mut self, template: &Template) {
        match template.length() {
            Some(length) => self.by_length.entry(length).or_default().push(template.clone()),
            None => self.of_any_length.push(template.clone()),
        }
    }

    /// The template that matches with the most literal segments. If several do, the first by name, so that the order of declarations does not
    /// matter.
    fn find(&self, path: &str) -> Option<&Template> {
        let of_length = self.by_length.get(&length(path)).into_iter().flatten();
        let matching =
            of_length.chain(&self.of_any_length).filter_map(|template| Some((template.matches(path)?, template)));
        let best = matching.max_by(|left, right| left.0.cmp(&right.0).then_with(|| right.1.cmp(left.1)));
        best.map(|(_, template)| template)
    }
}

impl PointIndex {
    /// Adds a declared point.
    pub(super) fn add(&mut self, point: &Point) {
        match point {
            Point::Endpoint(HttpOperation { method, path }) => {
                self.endpoints.entry(method.clone()).or_default().add(path);
            }
            Point::Call { service, operation: Some(HttpOperation { method, path }) } => {
                self.calls.entry(scope(service, method)).or_default().add(path);
            }
            Point::Call { service, operation: None } => {
                self.services.insert(service.clone());
            }
            Point::Publish(topic) => self.published.add(topic),
            Point::Consume(topic) => self.consumed.add(topic),
            Point::Table(_) | Point::Workflow(_) => {}
        }
    }

    /// The points that an exchange has used. A call belongs to its operation, and to its service if a test declares that alone.
    pub(super) fn find(&self, subject: &Subject<'_>) -> Vec<Point> {
        match subject {
            Subject::Endpoint { method, path } => {
                vec![Point::Endpoint(operation(self.endpoints.get(*method), method, path))]
            }
            Subject::Call { service, method, path } => {
                let operation = operation(self.calls.get(&scope(service, method)), method, path);
                let call = |operation| Point::Call { service: (*service).to_owned(), operation };
                let mut points = vec![call(Some(operation))];
                points.extend(self.services.contains(*service).then(|| call(None)));
                points
            }
            Subject::PlainCall { service } => {
                vec![Point::Call { service: (*service).to_owned(), operation: None }]
            }
            Subject::Publish { broker, topic } => vec![Point::Publish(self.published.topic(broker, topic))],
            Subject::Consume { broker, topic } => vec![Point::Consume(self.consumed.topic(broker, topic))],
            Subject::Table(name) => vec![Point::table(name)],
        }
    }
}

impl Templates {
    fn topic(&self, broker: &str, topic: &str) -> Template {
        let without_exchange =
            topic.split_once('/').filter(|_| broker == BROKER_WITH_EXCHANGES).map_or(topic, |(_, key)| key);
        let declared = self.find(topic).or_else(|| self.find(without_exchange));
        declared.cloned().unwrap_or_else(|| Template::generalized(without_exchange))
    }
}

fn scope(service: &str, method: &str) -> String {
    format!("{service} {method}")
}

fn operation(templates: Option<&Templates>, method: &str, path: &str) -> HttpOperation {
    match templates.and_then(|templates| templates.find(path)) {
        Some(declared) => HttpOperation { method: method.to_owned(), path: declared.clone() },
        None => HttpOperation::of_request(method, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(declared: &[&str]) -> PointIndex {
        let mut index = PointIndex::default();
        for text in declared {
            index.add(&Point::parse(text).unwrap());
        }
        index
    }

    fn endpoint(index: &PointIndex, method: &str, path: &str) -> String {
        index.find(&Subject::Endpoint { method, path })[0].to_string()
    }

    #[test]
    fn request_belongs_to_the_most_literal_declared_template() {
        for declared in [["GET /orders/{id}", "GET /orders/latest"], ["GET /orders/latest", "GET /orders/{id}"]] {
            let index = index(&declared);
            assert_eq!(endpoint(&index, "GET", "/orders/latest"), "GET /orders/latest");
            assert_eq!(endpoint(&index, "GET", "/orders/abc"), "GET /orders/{id}");
            assert_eq!(endpoint(&index, "DELETE", "/orders/abc"), "DELETE /orders/abc");
        }
        let index = index(&["GET /files/{*path}", "GET /files/{name}"]);
        assert_eq!(endpoint(&index, "GET", "/files/a/b"), "GET /files/{*path}");
    }

    #[test]
    fn undeclared_path_is_generalized() {
        assert_eq!(endpoint(&index(&[]), "GET", "/orders/17"), "GET /orders/{id}");
        assert_eq!(endpoint(&index(&[]), "GET", "/orders/abc"), "GET /orders/abc");
    }

    #[test]
    fn call_belongs_to_its_service() {
        let index = index(&["call payments POST /charges/{id}", "call payments"]);
        let points = |service| {
            let subject = Subject::Call { service, method: "POST", path: "/charges/a" };
            index.find(&subject).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(points("payments"), ["call payments POST /charges/{id}", "call payments"]);
        assert_eq!(points("bank"), ["call bank POST /charges/a"]);
    }

    #[test]
    fn declaration_may_leave_out_the_exchange_of_rabbitmq() {
        let index = index(&["publish order.paid", "publish audit/{any}"]);
        let points = |broker, topic| index.find(&Subject::Publish { broker, topic })[0].to_string();
        assert_eq!(points("rabbitmq", "shop/order.paid"), "publish order.paid");
        assert_eq!(points("rabbitmq", "audit/x"), "publish audit/{any}");
        assert_eq!(points("rabbitmq", "shop/order.cancelled"), "publish order.cancelled");
        assert_eq!(points("mqtt", "shop/order.paid"), "publish shop/order.paid");
    }
}
