//! Selects tests by the points that they declare.

use super::point::{HttpOperation, Point};

/// The points that `--covers` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PointSelection {
    /// Exactly this point.
    Exact(Point),
    /// The endpoints with this method whose templates match this path.
    OfRequest(HttpOperation),
    /// All points whose text begins with this text.
    Prefix(String),
}

impl PointSelection {
    /// The selection of a text, among the declared points: the point with this text, or else the templates that match the path of a request,
    /// or else every point that begins with the text.
    pub(crate) fn new(text: &str, declared: &[Point]) -> Self {
        if let Some(point) = Point::parse(text) {
            if declared.contains(&point) {
                return Self::Exact(point);
            }
            if let Point::Endpoint(request) = point {
                let of_request = Self::OfRequest(request);
                if declared.iter().any(|point| of_request.selects(point)) {
                    return of_request;
                }
            }
        }
        Self::Prefix(text.to_owned())
    }

    /// Whether a point is selected.
    pub(crate) fn selects(&self, point: &Point) -> bool {
        match (self, point) {
            (Self::Exact(selected), point) => selected == point,
            (Self::OfRequest(request), Point::Endpoint(HttpOperation { method, path })) => {
                request.method == *method && path.matches(request.path.as_str()).is_some()
            }
            (Self::OfRequest(_), _) => false,
            (Self::Prefix(beginning), point) => point.to_string().starts_with(beginning.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(text: &str) -> Vec<String> {
        let declared: Vec<_> = [
            "POST /orders",
            "POST /orders/{id}/pay",
            "GET /orders/{id}",
            "call payments POST /charge",
            "call payments GET /x",
            "publish order.paid",
        ]
        .into_iter()
        .filter_map(Point::parse)
        .collect();
        let selection = PointSelection::new(text, &declared);
        declared.iter().filter(|point| selection.selects(point)).map(ToString::to_string).collect()
    }

    #[test]
    fn exact_point_has_priority_over_points_that_begin_with_it() {
        assert_eq!(selected("POST /orders"), ["POST /orders"]);
        assert_eq!(selected("POST /orders/{order}/pay"), ["POST /orders/{id}/pay"]);
    }

    #[test]
    fn path_of_a_request_selects_its_template() {
        assert_eq!(selected("POST /orders/17/pay"), ["POST /orders/{id}/pay"]);
        assert_eq!(selected("DELETE /orders/17"), [""; 0]);
    }

    #[test]
    fn beginning_selects_all_points_that_begin_with_it() {
        assert_eq!(selected("call payments"), ["call payments POST /charge", "call payments GET /x"]);
        assert_eq!(selected("POST "), ["POST /orders", "POST /orders/{id}/pay"]);
        assert_eq!(selected("publish"), ["publish order.paid"]);
        assert_eq!(selected("consume"), [""; 0]);
    }
}
