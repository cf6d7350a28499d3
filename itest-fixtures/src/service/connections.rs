//! How many connections a server allows, and how many of them each pool may have.

use std::io::Write;

use itest_runtime::__private::jobs;
use itest_runtime::Error;

/// The connections of a worker in addition to its pool: one for its leases, and one to the namespace in use.
const CONNECTIONS_OF_WORKER: u32 = 2;

/// The minimum number of connections of a pool.
const MIN_POOL_CONNECTIONS: u32 = 2;

/// The connections of the session server: one of its own, and one that creates or drops a namespace.
const CONNECTIONS_OF_SESSION: u32 = 2;

/// The connections that stay free for the user's tools if the server allows enough.
const FREE_CONNECTIONS: u32 = 8;

/// How many connections each pool may have on a server that allows `allowed`, where the suite wants `wanted`.
///
/// # Errors
///
/// When there are too few for the run's workers, because these would wait for each other.
pub(crate) fn affordable_connections(allowed: u32, wanted: u32) -> Result<u32, Error> {
    let workers = u32::try_from(jobs().get()).unwrap_or(u32::MAX);
    let each = share(allowed, workers, wanted)?;
    if each < wanted {
        // The first test that has a pool shows it with its output.
        let _ = writeln!(
            std::io::stderr(),
            "itest: each pool has at most {each} connections: {workers} workers share {allowed} of the server"
        );
    }
    Ok(each)
}

/// How many connections a private server allows: enough for twice as many workers as there are processors, and their pools.
pub(crate) fn private_connections() -> usize {
    const MIN: usize = 200;
    const OF_PROCESSOR: usize = 16;
    std::thread::available_parallelism().map_or(MIN, |count| MIN.max(OF_PROCESSOR.saturating_mul(count.get())))
}

fn share(allowed: u32, workers: u32, wanted: u32) -> Result<u32, Error> {
    let least = CONNECTIONS_OF_WORKER + MIN_POOL_CONNECTIONS;
    let enough_for = allowed.saturating_sub(CONNECTIONS_OF_SESSION) / least;
    if enough_for < workers {
        let needed = workers.saturating_mul(least).saturating_add(CONNECTIONS_OF_SESSION);
        let remedy = if enough_for == 0 { String::new() } else { format!("run fewer (--jobs {enough_for}), or ") };
        return Err(Error::new(format!(
            "the server allows {allowed} connections, and {} may need {needed}: {remedy}raise its max_connections",
            if workers == 1 { "a worker".to_owned() } else { format!("{workers} workers") },
        )));
    }
    let each = (allowed.saturating_sub(FREE_CONNECTIONS) / workers.max(1)).saturating_sub(CONNECTIONS_OF_WORKER + 1);
    Ok(wanted.min(each.max(MIN_POOL_CONNECTIONS)))
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
    fn too_few_connections_are_an_error_with_a_remedy() {
        let error = |allowed, workers| share(allowed, workers, 10).unwrap_err().to_string();
        assert_eq!(
            error(9, 4),
            "the server allows 9 connections, and 4 workers may need 18: run fewer (--jobs 1), or raise its max_connections"
        );
        assert_eq!(error(3, 1), "the server allows 3 connections, and a worker may need 6: raise its max_connections");
    }
}
