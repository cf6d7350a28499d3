//! The reason why a request has no response.

/// The innermost cause, which is the most specific: `connection refused`.
pub(super) fn innermost_cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
