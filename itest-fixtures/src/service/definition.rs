//! The definition of a service: everything that differs between the services.

use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(feature = "_run-server")]
use itest_runtime::__private::AfterKill;
#[cfg(feature = "_run-server")]
use itest_runtime::Teardown;
use itest_runtime::{Durable, Error, Program};

use super::account::Account;
use super::address::Address;
#[cfg(feature = "containers")]
use super::container::ContainerSettings;
#[cfg(feature = "_run-server")]
use super::fingerprint::Fingerprint;
#[cfg(feature = "_run-server")]
use super::recipe::{SAMPLE_FOLDER, recipe_of};

/// A service that tests talk to.
pub(crate) trait Service: Sized + Send + 'static {
    /// The name in messages.
    const NAME: &'static str;
    /// The name in folder names and container names.
    const ID: &'static str;
    /// The variable that names the providers. With the suffix `_URL` it is the variable with the URL of a server for tests; with the suffix
    /// `_IMAGE` it is the one with another image.
    const VARIABLE: &'static str;
    /// The variable that applications read. Its URL is used only if it names a server for tests.
    const APPLICATION_VARIABLE: &'static str;
    /// The variable that lists servers which tests may use although they do not look like servers for tests: `host/namespace`, separated by
    /// commas.
    const ALLOW_VARIABLE: &'static str;
    /// The term for a namespace of a test, such as `database`.
    const NAMESPACE: &'static str;
    /// The schemes of the URLs of the service, such as `scheme://`.
    const URL_SCHEMES: &'static [&'static str];

    /// A server that is ready for the run.
    type Server;

    /// The installed programs.
    type Programs: Programs;
    /// The instruction to install the programs.
    const INSTALLATION: &'static str;
    /// The accounts that a private server may run under if the tests run as root.
    const ACCOUNTS: &'static [&'static str];
    /// The file to which a private server writes its process id, relative to its folder.
    const PID_FILE: &'static str;
    /// How long a server may take until it answers, if it is not the usual time of its provider.
    const STARTUP_TIMEOUT: Option<Duration> = None;
    /// What becomes of a kept server when the run that uses it is killed. By default [`Service::open`] cleans it for the next run.
    #[cfg(feature = "_run-server")]
    const AFTER_KILL: AfterKill = AfterKill::Keep;
    /// The teardown that stops a private server in this folder. A server without one is killed.
    const STOP: Option<fn(PathBuf) -> Durable<PathBuf>> = None;

    /// The image of a container, unless the user names another one.
    #[cfg(feature = "containers")]
    const IMAGE: Option<&'static str>;
    /// The port that the server listens on unless its configuration says otherwise, as inside of a container.
    #[cfg_attr(
        not(any(feature = "containers", feature = "_server-address")),
        expect(dead_code, reason = "private servers of databases listen on sockets")
    )]
    const PORT: u16;

    /// The port at which the server in a container is administered, if it has one.
    #[cfg(feature = "containers")]
    const API_PORT: Option<u16> = None;

    /// How the server in a container is set up.
    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings;

    /// Connects once and closes the connection, to check whether a server is ready. An error is an answer of the server, so this neither has a
    /// time limit of its own nor waits while the server has no free connection.
    fn probe(address: &Address) -> impl Future<Output = Result<(), Error>> + Send;

    /// Prepares the server at an address for the run. `variable` is the variable with its URL, and `not_used` is the reason why the
    /// application's URL is not used.
    ///
    /// # Errors
    ///
    /// When the server is too old, may be in use for something else, or refuses the connection.
    fn open(
        address: Address,
        variable: &str,
        not_used: Option<String>,
    ) -> impl Future<Output = Result<Self::Server, Error>>;
}

/// The installed programs of a service.
pub(crate) trait Programs: Clone + Send + Sync + 'static {
    /// The name in messages.
    const NAME: &'static str;

    /// The programs on this machine, if they are installed.
    fn find() -> Option<Self>;

    /// Creates the files that a server needs in its folder. The function may block.
    ///
    /// # Errors
    ///
    /// When the files cannot be created. The error contains the output of the programs.
    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error>;

    /// The program that runs the server with the files in its folder.
    fn server(&self, folder: &Path) -> Program;

    /// Everything that a server is made from, except for the version of itest. A later run uses a server again only if its recipe is the same.
    /// `None` if a server cannot be cleaned for the next run.
    ///
    /// # Errors
    ///
    /// When the files of a server cannot be created.
    #[cfg(feature = "_run-server")]
    fn recipe(&self, teardown: &Teardown) -> Result<Option<Fingerprint>, Error> {
        let _ = teardown;
        Ok(Some(recipe_of(&self.server(Path::new(SAMPLE_FOLDER)).recipe())))
    }
}
