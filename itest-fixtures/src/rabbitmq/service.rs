//! RabbitMQ as a service: how itest finds or starts a server.

use itest_runtime::__private::{FixtureSetting, SettingShape, inventory, variable};
use itest_runtime::Error;
use serde_json::Value;

use super::management::{Management, segment};
use super::programs::{ADMINISTRATOR, Installation, PID_FILE};
use super::virtual_host::{PREFIX, remove_virtual_hosts};
use crate::failure::with_action;
#[cfg(feature = "containers")]
use crate::service::container::{ContainerSettings, MEMORY};
use crate::service::{
    Address, ServerAddress, Service, SharedServer, Target, declare_service_settings, refuse_unless_for_tests,
};

/// The variable with the URL of the management API, for a server at a URL.
const MANAGEMENT_VARIABLE: &str = "ITEST_RABBITMQ_MANAGEMENT_URL";

/// The port of the management API, unless the URL says otherwise.
const MANAGEMENT_PORT: u16 = 15672;

declare_service_settings!("rabbitmq", "RabbitMQ", image = "rabbitmq:4-management-alpine");

inventory::submit! {
    FixtureSetting {
        key: "rabbitmq-management-url",
        shape: SettingShape::Value("URL"),
        help: "The management API of the RabbitMQ server that tests use, http://user:password@host:port, if it is not at port 15672 of the same host with the same user",
        default_text: "",
    }
}

inventory::submit! {
    FixtureSetting {
        key: "rabbitmq-allow",
        shape: SettingShape::Value("HOST/VHOST"),
        help: "RabbitMQ servers to use even if their host or the messages in the virtual host of the URL suggest another purpose than tests, separated by commas",
        default_text: "",
    }
}

/// RabbitMQ.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RabbitService {}

impl Service for RabbitService {
    const NAME: &'static str = "RabbitMQ";
    const ID: &'static str = "rabbitmq";
    const VARIABLE: &'static str = "ITEST_RABBITMQ";
    const APPLICATION_VARIABLE: &'static str = "RABBITMQ_URL";
    const ALLOW_VARIABLE: &'static str = "ITEST_RABBITMQ_ALLOW";
    const NAMESPACE: &'static str = "virtual host";
    const URL_SCHEMES: &'static [&'static str] = &["amqp://"];

    type Server = SharedServer;

    type Programs = Installation;
    const INSTALLATION: &'static str =
        "install rabbitmq-server (Debian: apt-get install rabbitmq-server; macOS: brew install rabbitmq)";
    const ACCOUNTS: &'static [&'static str] = &["rabbitmq", "nobody"];
    const PID_FILE: &'static str = PID_FILE;

    #[cfg(feature = "containers")]
    const IMAGE: Option<&'static str> = Some("rabbitmq:4-management-alpine");
    const PORT: u16 = 5672;
    #[cfg(feature = "containers")]
    const API_PORT: Option<u16> = Some(MANAGEMENT_PORT);

    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings {
        ContainerSettings {
            environment: vec![
                ("RABBITMQ_DEFAULT_USER", ADMINISTRATOR.to_owned()),
                ("RABBITMQ_MNESIA_BASE", format!("{MEMORY}/data")),
            ],
            password_variables: vec!["RABBITMQ_DEFAULT_PASS"],
            arguments: Vec::new(),
        }
    }

    async fn probe(address: &Address) -> Result<(), Error> {
        let probed = async {
            let mut management = management_of(address)?;
            let overview = management.get("/overview?columns=listeners").await?;
            // The management API answers before the server accepts the first client.
            let listeners = overview["listeners"].as_array().into_iter().flatten();
            if listeners.filter(|listener| listener["protocol"] == "amqp").count() == 0 {
                return Err(Error::new("the server accepts no clients yet"));
            }
            Ok(())
        };
        probed.await.map_err(|error: Error| match address.end_of_log() {
            Some(log) => Error::new(format!("{error}{log}")),
            None => error,
        })
    }

    async fn open(address: Address, variable: &str, not_used: Option<String>) -> Result<SharedServer, Error> {
        let server = amqp_address(&address)?;
        let mut management = management_of(&address)?;
        let overview = management.get("/overview?columns=rabbitmq_version").await?;
        refuse_full_server(&mut management).await?;
        if address.is_kept() {
            // No other run uses the server, so all virtual hosts of tests are those of runs that were killed.
            remove_virtual_hosts(&mut management, PREFIX).await?;
        }
        if !address.is_private() {
            let namespace = virtual_host_of_url(variable)?;
            let target = Target { variable, host: server.host(), is_socket: false, namespace: &namespace };
            refuse_unless_for_tests::<Self>(target, messages_in(&mut management, &namespace)).await?;
        }
        let version = overview["rabbitmq_version"].as_str().unwrap_or("of an unknown version");
        let description =
            format!("RabbitMQ {version}, {}, a virtual host for each test", address.in_words(|| server.place()));
        Ok(SharedServer::new::<Self>(address, &description, not_used.as_deref()))
    }
}

/// Refuses a server that accepts no messages, because the code under test would wait until the time limit of each test.
async fn refuse_full_server(management: &mut Management) -> Result<(), Error> {
    match alarm_of(&management.alarms().await?) {
        Some(alarm) => Err(with_action("use RabbitMQ", &alarm)),
        None => Ok(()),
    }
}

/// The text about a server that lacks these resources, or `None` if it lacks none.
pub(super) fn alarm_of(resources: &[String]) -> Option<String> {
    let resources = resources.join(" and ");
    (!resources.is_empty()).then(|| {
        format!(
            "the alarm of the server for {resources} is on, so it accepts no messages and blocks their publishers: free some space, or change \
             vm_memory_high_watermark or disk_free_limit in its configuration"
        )
    })
}

/// The reason why a virtual host looks as if it was in use: a queue with messages.
async fn messages_in(management: &mut Management, virtual_host: &str) -> Result<Option<String>, Error> {
    let path = format!("/queues/{}?disable_stats=true&enable_queue_totals=true", segment(virtual_host));
    let queues = management.find(&path).await?.unwrap_or_default();
    let queues = queues.as_array().into_iter().flatten();
    let mut filled = queues.filter(|queue| queue["messages"].as_u64().is_some_and(|messages| messages > 0));
    let in_words = |queue: &Value| {
        let name = queue["name"].as_str().unwrap_or_default();
        format!("there are messages in its queue {name}")
    };
    Ok(filled.next().map(in_words))
}

/// The virtual host that the URL in a variable names: `/` unless it has a path.
fn virtual_host_of_url(variable_name: &str) -> Result<String, Error> {
    let url = crate::service::url::url_of(variable_name)?;
    let path = url::Url::parse(&url).ok().map(|url| url.path().trim_start_matches('/').to_owned());
    let decoded = path.map(|path| percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned());
    Ok(decoded.filter(|name| !name.is_empty()).unwrap_or_else(|| "/".to_owned()))
}

/// The address at which clients connect.
///
/// # Errors
///
/// When the URL is not one of RabbitMQ.
pub(super) fn amqp_address(address: &Address) -> Result<ServerAddress, Error> {
    ServerAddress::of::<RabbitService>(address, ADMINISTRATOR)
}

/// The management API of a server.
///
/// # Errors
///
/// When a URL is wrong.
pub(super) fn management_of(address: &Address) -> Result<Management, Error> {
    let server = amqp_address(address)?;
    if address.is_private() {
        let port = address.api_port().ok_or_else(|| with_action("use RabbitMQ", "it has no management API"))?;
        return Ok(Management::new(server.at_port(port)));
    }
    let Some(url) = variable(MANAGEMENT_VARIABLE) else { return Ok(Management::new(server.at_port(MANAGEMENT_PORT))) };
    let own = ServerAddress::parse(&url, &["http://"], MANAGEMENT_PORT).ok_or_else(|| {
        Error::new(format!("{MANAGEMENT_VARIABLE} is no URL of a management API; write it as http://user:password@localhost:{MANAGEMENT_PORT}"))
    })?;
    Ok(Management::new(own.or_login(server.login)))
}
