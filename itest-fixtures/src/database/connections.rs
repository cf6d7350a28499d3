//! How many connections a test's pool may have, so that all workers together have enough.

use std::io::Write;

use itest_runtime::__private::jobs;
use itest_runtime::Error;

/// A worker's own: of its owner, and of whoever gives its database back.
const OWN: u32 = 2;

/// A test's pool has at least so many.
const FEWEST: u32 = 2;

/// The session's, and whoever makes or drops a database; others wait for them.
const SESSION: u32 = 2;

/// Where there are enough: more for workers, and for whoever looks on.
const COMFORT: u32 = 8;

/// How many connections each pool may have on a server that allows `allowed`, where the suite wants `wanted`.
///
/// # Errors
///
/// When they are too few for the run's workers, which would wait for each other.
pub(crate) fn affordable(allowed: u32, wanted: u32) -> Result<u32, Error> {
    let workers = u32::try_from(jobs().get()).unwrap_or(u32::MAX);
    let each = share(allowed, workers, wanted)?;
    if each < wanted {
        let told = "itest: each pool has at most";
        // It is shown with the output of the test that is the first to have one.
        let _ =
            writeln!(std::io::stderr(), "{told} {each} connections: {workers} workers share {allowed} of the server");
    }
    Ok(each)
}

fn share(allowed: u32, workers: u32, wanted: u32) -> Result<u32, Error> {
    let least = OWN + FEWEST;
    let enough_for = allowed.saturating_sub(SESSION) / least;
    if enough_for < workers {
        let needed = workers.saturating_mul(least).saturating_add(SESSION);
        let remedy = if enough_for == 0 { String::new() } else { format!("run fewer (--jobs {enough_for}), or ") };
        return Err(Error::new(format!(
            "the server allows {allowed} connections, and {} may need {needed}: {remedy}raise its max_connections",
            if workers == 1 { "a worker".to_owned() } else { format!("{workers} workers") },
        )));
    }
    let each = (allowed.saturating_sub(COMFORT) / workers.max(1)).saturating_sub(OWN + 1);
    Ok(wanted.min(each.max(FEWEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_share_what_the_server_allows() {
        assert_eq!(share(97, 2, 10).unwrap(), 10);
        assert_eq!(share(60, 8, 10).unwrap(), 3);
        assert_eq!(share(18, 4, 10).unwrap(), 2);
        assert_eq!(share(97, 2, 1).unwrap(), 1);
    }

    #[test]
    fn too_few_connections_are_told_with_a_way_out() {
        let told = |allowed, workers| share(allowed, workers, 10).unwrap_err().to_string();
        assert_eq!(
            told(9, 4),
            "the server allows 9 connections, and 4 workers may need 18: run fewer (--jobs 1), or raise its max_connections"
        );
        assert_eq!(told(3, 1), "the server allows 3 connections, and a worker may need 6: raise its max_connections");
    }
}
