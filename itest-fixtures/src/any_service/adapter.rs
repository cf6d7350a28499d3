//! Makes a service that a suite defines one that itest can find or start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

use itest_runtime::__private::{AfterKill, FixtureSetting, SettingShape, inventory, variable};
use itest_runtime::{Error, Program, Teardown, TempDir};

use super::check::check;
#[cfg(feature = "containers")]
use super::container::ContainerOptions;
use super::definition::AnyService;
use super::endpoint::Endpoint;
use super::private::PrivateService;
#[cfg(feature = "containers")]
use crate::service::container::ContainerSettings;
use crate::service::password::Password;
use crate::service::{
    Account, Address, Fingerprint, PrivateServer, Programs, SAMPLE_FOLDER, SERVER_PORT, Service, SharedServer, Target,
    probe_once, recipe_of, refuse_unless_for_tests,
};

/// A service that a suite defines.
#[derive(Debug)]
pub(super) struct Adapter<S>(PhantomData<fn() -> S>);

/// The installed program of a service, and the password for it.
#[derive(Debug)]
pub(super) struct InstalledProgram<S> {
    path: PathBuf,
    password: Password,
    service: PhantomData<fn() -> S>,
}

impl<S> Clone for InstalledProgram<S> {
    fn clone(&self) -> Self {
        Self { path: self.path.clone(), password: self.password.clone(), service: PhantomData }
    }
}

impl<S> InstalledProgram<S> {
    fn private(&self, folder: &Path) -> PrivateService {
        PrivateService::new(folder.to_owned(), self.password.clone())
    }
}

inventory::submit! {
    FixtureSetting {
        key: "service-allow",
        shape: SettingShape::Value("HOST/NAME"),
        help: "Services of a suite's own definitions to use even if their host suggests another purpose than tests, separated by commas",
        default_text: "",
    }
}

impl<S: AnyService> Service for Adapter<S> {
    const NAME: &'static str = S::NAME;
    const ID: &'static str = "service";
    const VARIABLE: &'static str = S::VARIABLE;
    const APPLICATION_VARIABLE: &'static str = "";
    const ALLOW_VARIABLE: &'static str = "ITEST_SERVICE_ALLOW";
    const NAMESPACE: &'static str = "path";
    const URL_SCHEMES: &'static [&'static str] = &[];

    type Server = SharedServer;

    type Programs = InstalledProgram<S>;
    const INSTALLATION: &'static str = "install its program";
    const ACCOUNTS: &'static [&'static str] = &["nobody"];
    const PID_FILE: &'static str = "pid";
    const STARTUP_TIMEOUT: Option<Duration> = Some(S::STARTUP_TIMEOUT);
    const AFTER_KILL: AfterKill = AfterKill::End;

    #[cfg(feature = "containers")]
    const IMAGE: Option<&'static str> = S::IMAGE;
    const PORT: u16 = S::PORT;

    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings {
        let ContainerOptions { environment, password_variables, arguments } = S::container(ContainerOptions::default());
        ContainerSettings { environment, password_variables, arguments }
    }

    async fn probe(address: &Address) -> Result<(), Error> {
        check(S::ready(), &Endpoint::of::<Self>(address, S::URL)?, address, S::PORT).await
    }

    async fn open(address: Address, variable: &str, not_used: Option<String>) -> Result<SharedServer, Error> {
        let endpoint = Endpoint::of::<Self>(&address, S::URL)?;
        if !address.is_private() {
            let target = Target { variable, host: endpoint.host(), is_socket: false, namespace: S::NAME };
            refuse_unless_for_tests::<Self>(target, async { Ok(None) }).await?;
            probe_once::<Self>(&address).await?;
        }
        let description = format!("{}, {}", S::NAME, address.in_words(|| endpoint.place()));
        Ok(SharedServer::new::<Self>(address, &description, not_used.as_deref()))
    }
}

impl<S: AnyService> Programs for InstalledProgram<S> {
    const NAME: &'static str = S::NAME;

    fn find() -> Option<Self> {
        let name = S::PROGRAM?;
        let path = variable("PATH").unwrap_or_default();
        let standard_folders = ["/usr/sbin", "/usr/local/bin"].map(PathBuf::from);
        let mut programs = std::env::split_paths(&path).chain(standard_folders).map(|folder| folder.join(name));
        let path = programs.find(|program| program.is_file())?;
        Some(Self { path, password: Password::random().ok()?, service: PhantomData })
    }

    fn initialize(&self, folder: &Path, _: Option<&Account>) -> Result<(), Error> {
        PrivateServer::write_password(folder, &self.password)?;
        S::initialize(&self.private(folder))
    }

    fn server(&self, folder: &Path) -> Program {
        S::program(Program::new(&self.path).port(SERVER_PORT), &self.private(folder))
    }

    /// Adds the files of the definition. A service without clean-up is not kept, because the namespaces of all tests would stay on it.
    fn recipe(&self, teardown: &Teardown) -> Result<Option<Fingerprint>, Error> {
        if S::CLEAN.is_none() {
            return Ok(None);
        }
        let sample = Self { password: Password::from("password".to_owned()), ..self.clone() };
        let folder = TempDir::create("recipe", teardown)?;
        S::initialize(&sample.private(folder.path()))?;
        let files = contents(folder.path())?;
        Ok(Some(recipe_of(&sample.server(Path::new(SAMPLE_FOLDER)).recipe()).with(&(S::NAME, files))))
    }
}

/// The files in a folder with their contents, in which another path stands for the one of the folder.
fn contents(folder: &Path) -> Result<BTreeMap<OsString, String>, Error> {
    let path = folder.display().to_string();
    let mut contents = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let text = String::from_utf8_lossy(&fs::read(entry.path())?).replace(&path, SAMPLE_FOLDER);
            contents.insert(entry.file_name(), text);
        }
    }
    Ok(contents)
}
