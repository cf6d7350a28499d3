//! A failure of the test that names a line of its source.

use std::panic::Location;

use itest_runtime::__private::Problem;
use itest_runtime::SourceLocation;

/// A failure of the test at this line of its source.
pub(super) fn problem(message: String, location: &'static Location<'static>) -> Problem {
    Problem { location: Some(SourceLocation::new(location.to_string())), ..Problem::new(message) }
}
