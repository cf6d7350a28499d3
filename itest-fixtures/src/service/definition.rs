//! The definition of a service: everything that differs between the services.

use std::path::{Path, PathBuf};

use itest_runtime::{Durable, Error, Program};

use super::account::Account;
use super::address::Address;
#[cfg(feature = "containers")]
use super::container::ContainerSettings;

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
    /// The variable that lists servers which are for tests although they do not look like it: `host/namespace`, separated by commas.
    const ALLOW_VARIABLE: &'static str;
    /// The term for a namespace of a test, such as `database`.
    const NAMESPACE: &'static str;
    /// How the URLs of the service's servers begin, such as `scheme://`.
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
    /// The teardown that stops a private server in this folder. A server without one is killed.
    const STOP: Option<fn(PathBuf) -> Durable<PathBuf>> = None;

    /// The image of a container, unless the user names another one.
    #[cfg(feature = "containers")]
    const IMAGE: &'static str;
    /// The port of the server inside of a container.
    #[cfg(feature = "containers")]
    const PORT: u16;

    /// How the server in a container is set up.
    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings;

    /// Connects and closes the connection, to check whether a server that was just started is ready.
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
    /// An error with the output of the programs.
    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error>;

    /// The server with these files.
    fn server(&self, folder: &Path) -> Program;
}
