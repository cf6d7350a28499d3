//! NATS as a service: how itest finds or starts a server.

use itest_runtime::__private::{FixtureSetting, SettingShape, inventory};
use itest_runtime::Error;

use super::account;
use super::client::Client;
use super::configuration::TEST_USER;
#[cfg(feature = "containers")]
use super::configuration::{SYSTEM_USER, TEST_ACCOUNT};
use super::programs::{Installation, PID_FILE};
#[cfg(feature = "containers")]
use crate::service::container::{ContainerSettings, MEMORY};
use crate::service::{
    Address, ServerAddress, Service, SharedServer, Target, WorkerService, declare_service_settings,
    refuse_unless_for_tests,
};

declare_service_settings!("nats", "NATS", image = "nats:2-alpine");

inventory::submit! {
    FixtureSetting {
        key: "nats-allow",
        shape: SettingShape::Value("HOST/default"),
        help: "NATS servers to use even if their host or their streams suggest another purpose than tests, separated by commas",
        default_text: "",
    }
}

/// NATS.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NatsService {}

impl WorkerService for NatsService {}

impl Service for NatsService {
    const NAME: &'static str = "NATS";
    const ID: &'static str = "nats";
    const VARIABLE: &'static str = "ITEST_NATS";
    const APPLICATION_VARIABLE: &'static str = "NATS_URL";
    const ALLOW_VARIABLE: &'static str = "ITEST_NATS_ALLOW";
    const NAMESPACE: &'static str = "account";
    const URL_SCHEMES: &'static [&'static str] = &["nats://"];

    type Server = SharedServer;

    type Programs = Installation;
    const INSTALLATION: &'static str =
        "install nats-server (Debian: apt-get install nats-server; macOS: brew install nats-server)";
    const ACCOUNTS: &'static [&'static str] = &["nats", "nobody"];
    const PID_FILE: &'static str = PID_FILE;

    #[cfg(feature = "containers")]
    const IMAGE: Option<&'static str> = Some("nats:2-alpine");
    const PORT: u16 = 4222;

    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings {
        // The container writes the password to a file, because the image has no variable for it, and an argument would be visible to every user
        // of the machine.
        let start = format!(
            "umask 077; printf 'jetstream {{ store_dir: \"{MEMORY}/jetstream\" }}\\nsystem_account: SYSTEM\\naccounts {{ SYSTEM {{ users: [ {{ user: \"{SYSTEM_USER}\", \
             password: \"%s\" }} ] }}, {TEST_ACCOUNT} {{ jetstream: enabled, users: [ {{ user: \"{TEST_USER}\", password: \"%s\" }} ] }} }}\\n' \
             \"$ITEST_PASSWORD\" \"$ITEST_PASSWORD\" >{MEMORY}/nats.conf; exec nats-server --config {MEMORY}/nats.conf"
        );
        ContainerSettings {
            environment: Vec::new(),
            password_variables: vec!["ITEST_PASSWORD"],
            arguments: vec!["sh".to_owned(), "-c".to_owned(), start],
        }
    }

    async fn probe(address: &Address) -> Result<(), Error> {
        let server = ServerAddress::of::<Self>(address, TEST_USER)?;
        let connected = Client::connect(server.resolve().await?, server.login.as_ref()).await;
        connected.map(drop).map_err(|error| match address.end_of_log() {
            Some(log) => Error::new(format!("{error}{log}")),
            None => error,
        })
    }

    async fn open(address: Address, variable: &str, not_used: Option<String>) -> Result<SharedServer, Error> {
        let server = ServerAddress::of::<Self>(&address, TEST_USER)?;
        let mut client = Client::connect(server.resolve().await?, server.login.as_ref()).await?;
        if !address.is_private() {
            let target = Target { variable, host: server.host(), is_socket: false, namespace: "default" };
            let in_use = async {
                let streams = account::streams(&mut client).await?;
                Ok(streams.first().map(|stream| format!("it has the stream {stream}")))
            };
            refuse_unless_for_tests::<Self>(target, in_use).await?;
        }
        let description =
            format!("NATS {}, {}, for one test at a time", client.version, address.in_words(|| server.place()));
        Ok(SharedServer::new::<Self>(address, &description, not_used.as_deref()))
    }
}
