//! The server of a run, looked for in one place after the other.

use itest_runtime::__private::{unavailable, variable};
use itest_runtime::{Error, Teardown};

use super::passed_over_in_words;
use super::places::{Place, places};
#[cfg(feature = "containers")]
use crate::database::container::Engine;

/// The variable that applications read; it is used only where it names a server for tests.
const APPLICATIONS: &str = "DATABASE_URL";

/// A server of a kind that can be found.
pub(crate) trait Found: Sized {
    /// What is missing where there is none.
    const NAME: &'static str;
    /// The variable that says where a server may come from; with `_URL` behind it, the one with the URL of a server for tests.
    const VARIABLE: &'static str;
    /// What URLs of such a server begin with.
    const SCHEMES: &'static [&'static str];

    /// The one of the URL in a variable.
    async fn of_url(variable: &str) -> Result<Self, Error>;

    /// One that is started from the programs that are installed; or what to do where there are none.
    async fn of_programs(teardown: &Teardown) -> Result<Result<Self, String>, Error>;

    /// One that is started in a container.
    #[cfg(feature = "containers")]
    async fn of_container(engine: Engine, teardown: &Teardown) -> Result<Self, Error>;

    /// The same, which remembers why the URL of an application was not used.
    fn instead_of(self, passed_over: Option<String>) -> Self;
}

/// Finds a server; where there is none, the test is skipped, or fails if the run requires it.
pub(crate) async fn find<S: Found>(teardown: &Teardown) -> Result<S, Error> {
    let (mut remedies, mut passed_over) = (Vec::new(), None);
    for place in places(S::VARIABLE)? {
        let found = match place {
            Place::Url => of_variables::<S>(&mut passed_over).await?,
            Place::Programs => S::of_programs(teardown).await?,
            #[cfg(feature = "containers")]
            Place::Container => match Engine::find().await? {
                Ok(engine) => Ok(S::of_container(engine, teardown).await?),
                Err(remedy) => Err(remedy),
            },
        };
        match found {
            Ok(server) => return Ok(server.instead_of(passed_over)),
            Err(remedy) => remedies.push(remedy),
        }
    }
    let told = passed_over_in_words(passed_over.as_deref());
    unavailable(S::NAME, &format!("{}{told}", remedies.join(", or ")))
}

async fn of_variables<S: Found>(passed_over: &mut Option<String>) -> Result<Result<S, String>, Error> {
    let ours = format!("{}_URL", S::VARIABLE);
    if variable(&ours).is_some() {
        return S::of_url(&ours).await.map(Ok);
    }
    let is_meant = |url: &String| S::SCHEMES.iter().any(|scheme| url.starts_with(scheme));
    if variable(APPLICATIONS).as_ref().is_some_and(is_meant) {
        match S::of_url(APPLICATIONS).await {
            Ok(server) => return Ok(Ok(server)),
            // An application's own database is not a mistake of whoever runs its tests.
            Err(error) => *passed_over = Some(error.to_string()),
        }
    }
    Ok(Err(format!("set {ours} to a server for tests")))
}
