//! AWS as a service: how itest finds or starts a server.

use itest_runtime::__private::{FixtureSetting, SettingShape, inventory};
use itest_runtime::Error;

use super::client::AwsClient;
use super::location::endpoint_of;
use super::namespace::Namespace;
use super::programs::{Moto, PID_FILE, version_in};
#[cfg(feature = "containers")]
use crate::service::container::ContainerSettings;
use crate::service::{Address, Service, SharedServer, Target, declare_service_settings, refuse_unless_for_tests};

/// The variable with the URL of a server.
pub(super) const URL_VARIABLE: &str = "ITEST_AWS_URL";

declare_service_settings!("aws", "AWS", image = "");

inventory::submit! {
    FixtureSetting {
        key: "aws-allow",
        shape: SettingShape::Value("HOST/*"),
        help: "AWS itself, and servers on other machines, on which tests may make and delete queues, topics and buckets, separated by commas",
        default_text: "",
    }
}

/// AWS.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AwsService {}

impl Service for AwsService {
    const NAME: &'static str = "AWS";
    const ID: &'static str = "aws";
    const VARIABLE: &'static str = "ITEST_AWS";
    // The variable of applications, AWS_ENDPOINT_URL, has no credentials.
    const APPLICATION_VARIABLE: &'static str = "";
    const ALLOW_VARIABLE: &'static str = "ITEST_AWS_ALLOW";
    const NAMESPACE: &'static str = "prefix";
    const URL_SCHEMES: &'static [&'static str] = &[];

    type Server = SharedServer;

    type Programs = Moto;
    const INSTALLATION: &'static str = "install moto_server (python3 -m venv DIR && DIR/bin/pip install 'moto[server]'), and set ITEST_PYTHON to \
                                        DIR/bin/python, or have moto_server on the PATH";
    // moto does not refuse to run as root, and only root may be able to read an interpreter of root.
    const ACCOUNTS: &'static [&'static str] = &["root"];
    const PID_FILE: &'static str = PID_FILE;

    #[cfg(feature = "containers")]
    const IMAGE: Option<&'static str> = None;
    const PORT: u16 = 5000;

    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings {
        ContainerSettings { environment: Vec::new(), password_variables: Vec::new(), arguments: Vec::new() }
    }

    async fn probe(address: &Address) -> Result<(), Error> {
        AwsClient::new(endpoint_of(address)?).account().await.map(drop)
    }

    async fn open(address: Address, variable: &str, not_used: Option<String>) -> Result<SharedServer, Error> {
        let endpoint = endpoint_of(&address)?;
        if !address.is_private() {
            let target = Target { variable, host: &endpoint.host, is_socket: false, namespace: "*" };
            refuse_unless_for_tests::<Self>(target, async { Ok(None) }).await?;
        }
        let place = address.in_words(|| endpoint.authority.clone());
        let client = AwsClient::new(endpoint);
        client.account().await?;
        let namespace = Namespace::new(&client, &address).await;
        namespace.check_accounts(&client).await?;
        let description = if namespace.account.is_some() {
            let version = address.private().and_then(|server| version_in(&server.folder));
            let version = version.map(|version| format!(" {version}")).unwrap_or_default();
            format!("moto{version} (an imitation of AWS), {place}, an account for each test")
        } else {
            format!("AWS, {place}, a prefix of names for each test")
        };
        Ok(SharedServer::new::<Self>(address, &description, not_used.as_deref()))
    }
}
