//! The definition of a service: everything that differs between the services.

use std::path::{Path, PathBuf};
use std::process::Command;

use itest_runtime::{Durable, Error};

use super::account::Account;
use super::address::Address;
#[cfg(feature = "containers")]
use super::container::ContainerSettings;

/// A service that tests talk to.
pub(crate) trait Service: Sized + Send + 'static {
    /// What messages call it.
    const NAME: &'static str;
    /// What the names of folders and containers call it.
    const ID: &'static str;
    /// The variable that names the providers. With `_URL` behind it, it is the one with the URL of a server for tests; with
    /// `_IMAGE` behind it, the one with another image.
    const VARIABLE: &'static str;
    /// The variable that applications read. Its URL is used only if it names a server for tests.
    const APPLICATION_VARIABLE: &'static str;
    /// The variable that lists servers which are for tests although they do not look like it: `host/namespace`, separated by commas.
    const ALLOW_VARIABLE: &'static str;
    /// What a namespace of a test is called, such as `database`.
    const NAMESPACE: &'static str;
    /// What its URLs begin with.
    const URL_SCHEMES: &'static [&'static str];

    /// A server that was found.
    type Server;

    /// The installed programs.
    type Programs: Programs;
    /// How to install them.
    const INSTALLATION: &'static str;
    /// The accounts that a private server may run under where the tests run as root.
    const ACCOUNTS: &'static [&'static str];
    /// Where a private server writes its process id, inside of its folder.
    const PID_FILE: &'static str;
    /// What stops a private server in this folder. A server without such a function is killed.
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

    /// Connects, and closes the connection: whether a server that was just started is ready.
    fn probe(address: &Address) -> impl Future<Output = Result<(), Error>>;

    /// Makes the server at an address ready for the run. `variable` is the one that holds its URL, and `not_used` says why the URL of the
    /// application is not used.
    ///
    /// # Errors
    ///
    /// When the server is too old, may be in use for something else, or does not let itest in.
    fn open(
        address: Address,
        variable: &str,
        not_used: Option<String>,
    ) -> impl Future<Output = Result<Self::Server, Error>>;
}

/// The installed programs of a service.
pub(crate) trait Programs: Clone + Send + Sync + 'static {
    /// What messages call them.
    const NAME: &'static str;

    /// The programs on this machine, if there are any.
    fn find() -> Option<Self>;

    /// Makes the files that a server needs, in its folder. It may block.
    ///
    /// # Errors
    ///
    /// What the programs report.
    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error>;

    /// The command that starts a server with these files.
    fn server(&self, folder: &Path) -> Command;
}
