//! MQTT as a service: how itest finds or starts a server.

use itest_runtime::__private::{FixtureSetting, SettingShape, inventory};
use itest_runtime::Error;

use super::client::Client;
use super::programs::{Installation, PID_FILE, TEST_USER};
#[cfg(feature = "containers")]
use crate::service::container::{ContainerSettings, MEMORY};
use crate::service::{
    Address, ServerAddress, Service, SharedServer, Target, WorkerService, declare_service_settings,
    refuse_unless_for_tests,
};

declare_service_settings!("mqtt", "MQTT", image = "eclipse-mosquitto:2");

inventory::submit! {
    FixtureSetting {
        key: "mqtt-allow",
        shape: SettingShape::Value("HOST/default"),
        help: "MQTT brokers to use even if their host or their retained messages suggest another purpose than tests, separated by commas",
        default_text: "",
    }
}

/// MQTT.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MqttService {}

impl WorkerService for MqttService {}

impl Service for MqttService {
    const NAME: &'static str = "MQTT";
    const ID: &'static str = "mqtt";
    const VARIABLE: &'static str = "ITEST_MQTT";
    const APPLICATION_VARIABLE: &'static str = "MQTT_URL";
    const ALLOW_VARIABLE: &'static str = "ITEST_MQTT_ALLOW";
    const NAMESPACE: &'static str = "broker";
    const URL_SCHEMES: &'static [&'static str] = &["mqtt://"];

    type Server = SharedServer;

    type Programs = Installation;
    const INSTALLATION: &'static str =
        "install mosquitto (Debian: apt-get install mosquitto; macOS: brew install mosquitto)";
    const ACCOUNTS: &'static [&'static str] = &["mosquitto", "nobody"];
    const PID_FILE: &'static str = PID_FILE;

    #[cfg(feature = "containers")]
    const IMAGE: Option<&'static str> = Some("eclipse-mosquitto:2");
    const PORT: u16 = 1883;

    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings {
        // The container writes the password to a file, because the image has no variable for it, and an argument would be visible to every user
        // of the machine. The server runs as root of its container, because another user could not read the files.
        let start = format!(
            "umask 077; cd {MEMORY} && printf '{TEST_USER}:%s\\n' \"$ITEST_PASSWORD\" >users && mosquitto_passwd -U users && \
             printf 'user root\\nlistener 1883\\nallow_anonymous false\\npassword_file {MEMORY}/users\\npersistence false\\n\
             sys_interval 0\\nset_tcp_nodelay true\\n' >mosquitto.conf && exec mosquitto -c {MEMORY}/mosquitto.conf"
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
                let retained = client.retained().await?;
                Ok(retained.first().map(|topic| format!("it has a retained message on {topic}")))
            };
            refuse_unless_for_tests::<Self>(target, in_use).await?;
        }
        let description = format!("MQTT, {}, for one test at a time", address.in_words(|| server.place()));
        Ok(SharedServer::new::<Self>(address, &description, not_used.as_deref()))
    }
}
