//! The providers of a service, in the order in which they are tried: the URL of a server, the installed programs, a container.

use itest_runtime::__private::{unavailable, variable};
use itest_runtime::{Error, Teardown};

use super::address::Address;
#[cfg(feature = "containers")]
use super::container::{self, Engine};
use super::definition::{Programs as _, Service};
use super::offer::Offer;
use super::{guard, private};

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

/// Finds a server, or starts one. Where no provider has one, the test is skipped, or fails if the run requires the service.
///
/// # Errors
///
/// When a server exists but cannot be used.
pub(crate) async fn find<S: Service>(teardown: &Teardown) -> Result<S::Server, Error> {
    let (mut remedies, mut not_used) = (Vec::new(), None);
    for provider in providers(S::VARIABLE)? {
        let started = match provider {
            Provider::Url => match of_url::<S>(&mut not_used).await? {
                Offer::Available(server) => return Ok(server),
                Offer::Unavailable(remedy) => Offer::Unavailable(remedy),
            },
            Provider::Programs => of_programs::<S>(teardown).await?,
            #[cfg(feature = "containers")]
            Provider::Container => of_container::<S>(teardown).await?,
        };
        match started {
            Offer::Available(address) => return S::open(address, "", not_used).await,
            Offer::Unavailable(remedy) => remedies.push(remedy),
        }
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

async fn of_programs<S: Service>(teardown: &Teardown) -> Result<Offer<Address>, Error> {
    match S::Programs::find() {
        Some(programs) => private::start::<S>(programs, teardown).await.map(Offer::Available),
        None => Ok(Offer::Unavailable(S::INSTALLATION.to_owned())),
    }
}

#[cfg(feature = "containers")]
async fn of_container<S: Service>(teardown: &Teardown) -> Result<Offer<Address>, Error> {
    match Engine::find().await? {
        Offer::Available(engine) => container::start::<S>(engine, teardown).await.map(Offer::Available),
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
