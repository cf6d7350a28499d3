//! The providers of a service, in the order in which they are tried: the URL of a server, the installed programs, a container.

use itest_runtime::__private::{unavailable, variable};
use itest_runtime::{Error, Teardown};
#[cfg(feature = "_database-server")]
use itest_runtime::{Fixture, Portable};

use super::address::Address;
#[cfg(feature = "containers")]
use super::container::{self, Engine, Spec};
use super::definition::{Programs as _, Service};
use super::guard;
#[cfg(feature = "_database-server")]
use super::kept;
use super::offer::Offer;
#[cfg(feature = "_database-server")]
use super::running_server::{FilesOfRestart, RunningServer};

/// A provider of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    Url,
    Programs,
    #[cfg(feature = "containers")]
    Container,
}

/// All providers, in the order in which they are tried unless the user names another one.
const PROVIDERS: &[Provider] = &[
    Provider::Url,
    Provider::Programs,
    #[cfg(feature = "containers")]
    Provider::Container,
];

/// What the first provider that has the service provides.
pub(super) enum Provided<S: Service> {
    /// A server at a URL or in a container.
    Server(S::Server),
    /// The installed programs. `not_used` is the reason why the application's URL is not used.
    Programs { programs: S::Programs, not_used: Option<String> },
}

/// Finds a server, or starts one for the run. A server that itest has started is started again with its files when it ends. `address` returns the address of a server. Where no provider has one, the test is skipped, or fails if the run requires the service.
///
/// # Errors
///
/// When a server exists but cannot be used.
#[cfg(feature = "_database-server")]
pub(crate) async fn find<S: Service<Server: Fixture + Portable>>(
    teardown: &Teardown,
    address: fn(&S::Server) -> &Address,
) -> Result<S::Server, Error> {
    match provide::<S>(teardown).await? {
        Provided::Server(server) => Ok(server),
        Provided::Programs { programs, not_used } => {
            if let Some(server) = kept::lease::<S, _>(&programs, address, not_used.as_deref(), teardown).await? {
                return Ok(server);
            }
            let server = RunningServer::<S>::start(&programs, teardown).await?;
            S::open(server.restart_whenever_it_ends(FilesOfRestart::Same, teardown)?, "", not_used).await
        }
    }
}

/// Asks the providers in their order. It starts a container, but no installed program. Where no provider has the service, the test is
/// skipped, or fails if the run requires the service.
///
/// # Errors
///
/// When a server exists but cannot be used.
#[cfg_attr(not(feature = "containers"), expect(unused_variables, reason = "only a container is in the ledger"))]
pub(super) async fn provide<S: Service>(teardown: &Teardown) -> Result<Provided<S>, Error> {
    let (mut remedies, mut not_used) = (Vec::new(), None);
    for provider in providers(S::VARIABLE)? {
        let remedy = match provider {
            Provider::Url => match of_url::<S>(&mut not_used).await? {
                Offer::Available(server) => return Ok(Provided::Server(server)),
                Offer::Unavailable(remedy) => remedy,
            },
            Provider::Programs => match S::Programs::find() {
                Some(programs) => return Ok(Provided::Programs { programs, not_used }),
                None => S::INSTALLATION.to_owned(),
            },
            #[cfg(feature = "containers")]
            Provider::Container => match of_container::<S>(teardown).await? {
                Offer::Available(address) => return S::open(address, "", not_used).await.map(Provided::Server),
                Offer::Unavailable(remedy) => remedy,
            },
        };
        remedies.push(remedy);
    }
    let why = guard::application_is_not_used::<S>(not_used.as_deref());
    unavailable(S::NAME, &format!("{}{why}", remedies.join(", or ")))
}

async fn of_url<S: Service>(not_used: &mut Option<String>) -> Result<Offer<S::Server>, Error> {
    let open = async |name: &str| S::open(Address::Variable(name.to_owned()), name, None).await;
    let own = format!("{}_URL", S::VARIABLE);
    if variable(&own).is_some() {
        return open(&own).await.map(Offer::Available);
    }
    let is_of_service = |url: String| S::URL_SCHEMES.iter().any(|scheme| url.starts_with(scheme));
    if variable(S::APPLICATION_VARIABLE).is_some_and(is_of_service) {
        match open(S::APPLICATION_VARIABLE).await {
            Ok(server) => return Ok(Offer::Available(server)),
            // The user has set this variable for the application, and not for its tests.
            Err(error) => *not_used = Some(error.to_string()),
        }
    }
    Ok(Offer::Unavailable(format!("set {own} to a server for tests")))
}

#[cfg(feature = "containers")]
async fn of_container<S: Service>(teardown: &Teardown) -> Result<Offer<Address>, Error> {
    let spec = match Spec::of::<S>()? {
        Offer::Available(spec) => spec,
        Offer::Unavailable(remedy) => return Ok(Offer::Unavailable(remedy)),
    };
    match Engine::find().await? {
        Offer::Available(engine) => container::start::<S>(engine, spec, teardown).await.map(Offer::Available),
        Offer::Unavailable(remedy) => Ok(Offer::Unavailable(remedy)),
    }
}

/// The providers that a variable names, in its order.
fn providers(name: &str) -> Result<Vec<Provider>, Error> {
    let Some(text) = variable(name) else { return Ok(PROVIDERS.to_vec()) };
    parse(&text).map_err(|unknown| {
        let remedy = match unknown {
            #[cfg(not(feature = "containers"))]
            "container" => "this suite is built without the feature `containers` of itest",
            _ => "write url, programs, container, or several of them with commas, in the order in which they are tried",
        };
        Error::new(format!("{name}={text}: there is no provider `{unknown}`; {remedy}"))
    })
}

fn parse(text: &str) -> Result<Vec<Provider>, &str> {
    let provider = |word| match word {
        "url" => Ok(Provider::Url),
        "programs" => Ok(Provider::Programs),
        #[cfg(feature = "containers")]
        "container" => Ok(Provider::Container),
        unknown => Err(unknown),
    };
    text.split(',').map(str::trim).map(provider).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_tried_in_the_order_in_which_they_are_named() {
        #[cfg(feature = "containers")]
        assert_eq!(parse("container"), Ok(vec![Provider::Container]));
        assert_eq!(parse("programs, url"), Ok(vec![Provider::Programs, Provider::Url]));
        assert_eq!(parse("url,docker"), Err("docker"));
        assert_eq!(parse("url,"), Err(""));
    }
}
