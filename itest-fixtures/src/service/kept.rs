//! A server that outlives the run: it is found again by what it was made from, leased to one run at a time, and cleaned for each.

use std::time::Duration;

use itest_runtime::__private::{KeptService, keep_services};
use itest_runtime::{Error, Fixture, Portable, Teardown};
use tokio::time::timeout;

use super::address::Address;
use super::definition::{Programs as _, Service};
use super::lifetime::Lifetime;

/// How long a kept server may take until it is ready for this run. A server that takes longer hangs, and is replaced by a new one.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a kept server that does not work is replaced by a new one.
const MAX_ATTEMPTS: u32 = 2;

/// Leases the kept server of the installed programs. If there is none yet, it is started: its session sets up the fixture `F` of this run, and
/// `address` returns the address in the fixture's value.
///
/// It returns `None` if servers end with their run, if this service cannot be kept, or if another run uses the kept server.
///
/// # Errors
///
/// When the server cannot be started.
pub(super) async fn lease<S: Service, F: Fixture + Portable>(
    programs: &S::Programs,
    address: fn(&F) -> &Address,
    not_used: Option<&str>,
    teardown: &Teardown,
) -> Result<Option<S::Server>, Error> {
    let Some(keep) = keep_services() else { return Ok(None) };
    let Some(recipe) = programs.recipe(teardown)? else { return Ok(None) };
    let recipe = recipe.with(&(env!("CARGO_PKG_VERSION"), S::ID, S::VARIABLE));
    let name = format!("{}-{}", S::ID, recipe.text());
    for _ in 0..MAX_ATTEMPTS {
        let Some(kept) = KeptService::lease(&name, S::AFTER_KILL, F::descriptor()).await? else { break };
        let value = F::from_json(kept.value()).map_err(|problem| Error::new(problem.message))?;
        let kept_address = address(&value).clone().with_lifetime(Lifetime::Kept(keep));
        match timeout(OPEN_TIMEOUT, S::open(kept_address, "", not_used.map(str::to_owned))).await {
            Ok(Ok(server)) => {
                teardown.defer(format!("leave the kept {} server", S::Programs::NAME), kept.release());
                return Ok(Some(server));
            }
            // It has died, hangs, or cannot be cleaned.
            Ok(Err(_)) | Err(_) => kept.end().await?,
        }
    }
    Ok(None)
}
