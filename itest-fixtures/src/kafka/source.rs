//! Where Kafka comes from: the cluster of a URL, or a mock cluster for each test.

use std::any::Any;

use serde::{Deserialize, Serialize};

use itest_runtime::__private::{
    FixtureDescriptor, FixtureSetting, Function, SessionScope, SettingShape, ValueCodec, inventory, unavailable,
    variable,
};
use itest_runtime::{Error, Fixture};

use super::api_key::ApiKey;
use super::cluster::Cluster;
use super::endpoint::Bootstrap;
#[cfg(feature = "kafka-mock")]
use super::mock;
use crate::service::{Purpose, Target, refuse};

/// The variable with the URL of a cluster.
pub(super) const URL: &str = "ITEST_KAFKA_URL";

/// The variable that names the providers.
const PROVIDERS: &str = "ITEST_KAFKA";

inventory::submit! {
    FixtureSetting {
        key: "kafka-url",
        shape: SettingShape::Value("URL"),
        help: "The Kafka cluster that tests use: kafka://host:port,host:port",
        default_text: "",
    }
}

inventory::submit! {
    FixtureSetting {
        key: "kafka",
        shape: SettingShape::Value("PROVIDERS"),
        help: "Where Kafka comes from: url, mock, or both in the order in which they are tried",
        default_text: "url,mock",
    }
}

inventory::submit! {
    FixtureSetting {
        key: "kafka-allow",
        shape: SettingShape::Value("HOST/default"),
        help: "Kafka clusters to use even if their host suggests another purpose than tests, separated by commas",
        default_text: "",
    }
}

/// The decision where Kafka comes from. It is made once, so that all workers use the same provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum KafkaSource {
    /// The cluster of the URL.
    Cluster { description: String },
    /// A mock cluster for each test.
    #[cfg(feature = "kafka-mock")]
    Mock,
}

/// A provider of Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    Url,
    #[cfg(feature = "kafka-mock")]
    Mock,
}

impl KafkaSource {
    /// The text about the provider in the run's summary.
    fn in_words(&self) -> &str {
        match self {
            Self::Cluster { description } => description,
            #[cfg(feature = "kafka-mock")]
            Self::Mock => mock::DESCRIPTION,
        }
    }
}

/// Tries the providers in their order. Where none has Kafka, the test is skipped, or fails if the run requires Kafka.
async fn provide() -> Result<KafkaSource, Error> {
    let mut remedies = Vec::new();
    for provider in providers()? {
        match provider {
            Provider::Url if variable(URL).is_some() => return open().await,
            Provider::Url => remedies.push(format!("set {URL} to a cluster for tests")),
            #[cfg(feature = "kafka-mock")]
            Provider::Mock => return Ok(KafkaSource::Mock),
        }
    }
    if cfg!(not(feature = "kafka-mock")) {
        remedies.push("build the suite with itest's feature `kafka-mock`, which has an imitation of Kafka".to_owned());
    }
    unavailable("Kafka", &remedies.join(", or "))
}

/// Checks that the cluster of the URL may be used, and answers.
async fn open() -> Result<KafkaSource, Error> {
    let bootstrap = bootstrap_of_url()?;
    for server in &bootstrap.servers {
        let target = Target { variable: URL, host: &server.host, is_socket: false, namespace: "default" };
        let purpose = Purpose { allow_variable: "ITEST_KAFKA_ALLOW", namespace: "cluster" };
        refuse(purpose, target, async { Ok(None) }).await?;
    }
    let place = bootstrap.addresses();
    let connection = Cluster::new(bootstrap).connect_to_any().await?;
    let limits = if connection.supports(ApiKey::CreateTopics) && connection.supports(ApiKey::DeleteTopics) {
        ""
    } else {
        "; the cluster, which may be librdkafka's mock cluster, cannot create or delete topics by a request, so they stay there"
    };
    let description = format!("Kafka at {place} (from {URL}), topics of its own for each test{limits}");
    Ok(KafkaSource::Cluster { description })
}

/// The cluster of the URL.
///
/// # Errors
///
/// When the variable is not set any more, or has no URL of Kafka.
pub(super) fn bootstrap_of_url() -> Result<Bootstrap, Error> {
    Bootstrap::of_url(URL, &crate::service::url::url_of(URL)?)
}

/// The providers that the variable names, in its order.
fn providers() -> Result<Vec<Provider>, Error> {
    let text = variable(PROVIDERS);
    let words = text.as_deref().unwrap_or(if cfg!(feature = "kafka-mock") { "url,mock" } else { "url" });
    words.split(',').map(str::trim).map(provider).collect()
}

fn provider(word: &str) -> Result<Provider, Error> {
    match word {
        "url" => Ok(Provider::Url),
        #[cfg(feature = "kafka-mock")]
        "mock" => Ok(Provider::Mock),
        #[cfg(not(feature = "kafka-mock"))]
        "mock" => {
            Err(Error::new(format!("{PROVIDERS}=mock: this suite is built without the feature `kafka-mock` of itest")))
        }
        unknown => Err(Error::new(format!(
            "{PROVIDERS}: there is no provider `{unknown}`; write url, mock, or both with a comma"
        ))),
    }
}

#[diagnostic::do_not_recommend]
impl Fixture for KafkaSource {
    type Scope = SessionScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                &[],
                Function::Async(|_| Box::pin(async move { Ok(Box::new(provide().await?) as Box<dyn Any>) })),
            )
            .codec(const { &ValueCodec::of::<Self>() })
            .remark(|value| Some(value.downcast_ref::<Self>()?.in_words().to_owned()))
        }
    }
}
