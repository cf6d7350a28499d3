//! Patterns of requests: `request::post("/charge").json("/amount", 2598)`.

use super::pattern::RequestPattern;

/// A `GET` request. In a path, `{name}` stands for any segment.
///
/// # Panics
///
/// If no request can have this path.
#[track_caller]
pub fn get(path: &str) -> RequestPattern {
    RequestPattern::new(Some("GET"), path)
}

/// A `POST` request. In a path, `{name}` stands for any segment.
///
/// # Panics
///
/// If no request can have this path.
#[track_caller]
pub fn post(path: &str) -> RequestPattern {
    RequestPattern::new(Some("POST"), path)
}

/// A `PUT` request. In a path, `{name}` stands for any segment.
///
/// # Panics
///
/// If no request can have this path.
#[track_caller]
pub fn put(path: &str) -> RequestPattern {
    RequestPattern::new(Some("PUT"), path)
}

/// A `PATCH` request. In a path, `{name}` stands for any segment.
///
/// # Panics
///
/// If no request can have this path.
#[track_caller]
pub fn patch(path: &str) -> RequestPattern {
    RequestPattern::new(Some("PATCH"), path)
}

/// A `DELETE` request. In a path, `{name}` stands for any segment.
///
/// # Panics
///
/// If no request can have this path.
#[track_caller]
pub fn delete(path: &str) -> RequestPattern {
    RequestPattern::new(Some("DELETE"), path)
}

/// A request with another method. In a path, `{name}` stands for any segment.
///
/// # Panics
///
/// If no request can have this method or path.
#[track_caller]
pub fn method(method: &str, path: &str) -> RequestPattern {
    RequestPattern::new(Some(method), path)
}

/// A request with any method. In a path, `{name}` stands for any segment.
///
/// # Panics
///
/// If no request can have this path.
#[track_caller]
pub fn any(path: &str) -> RequestPattern {
    RequestPattern::new(None, path)
}
