//! The fixture of a test.

use std::fmt;
use std::panic::Location;

use itest_runtime::{Error, Outcome, Teardown, TestInfo};

use super::cleaning::{LeftResources, remove, remove_aws_resources};
use super::client::AwsClient;
use super::in_flight::warn_of_messages_in_flight;
use super::location::{endpoint_of, is_aws_itself};
use super::namespace::Namespace;
use super::queue::Queue;
use super::service::AwsService;
use super::topic::Topic;
use crate::itest::fixture;
use crate::service::{Address, RunServer, ServerOfTest, reach};

/// A namespace of AWS that only one test uses: an account of moto, or a prefix of names on another server.
///
/// When the test ends, itest removes its queues, topics, subscriptions and buckets, and warns of messages that a consumer has received and neither
/// deleted nor returned.
///
/// # Examples
///
/// ```no_run
/// use itest::aws::Aws;
/// use itest::prelude::*;
/// # struct Shop;
/// # impl Shop {
/// #     async fn start(_variables: &[(&'static str, String)], _topic: &str) -> Result<Self> { Ok(Self) }
/// #     async fn pay(&self, order: u32) -> Result { drop(order); Ok(()) }
/// # }
///
/// #[integration_test]
/// async fn payment_is_announced(aws: &Aws) -> Result<()> {
///     #[arrange]
///     let payments = aws.create_topic(&aws.name("payments")).await?;
///     let announced = payments.observe().await?;
///     let shop = Shop::start(&aws.env(), payments.arn()).await?;
///
///     #[act]
///     shop.pay(7).await?;
///
///     #[assert]
///     assert_eq!(announced.receive().await?.body(), r#"{"order":7}"#);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Aws {
    client: AwsClient,
    namespace: Namespace,
}

impl Aws {
    /// The URL of the server: `http://127.0.0.1:PORT`. AWS itself has none, because each of its services has a URL of its own, which the SDKs
    /// know.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        let endpoint = self.client.endpoint();
        (!is_aws_itself(endpoint)).then_some(endpoint.url.as_str())
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.client.endpoint().region
    }

    /// The access key. On moto, it belongs to the account of the test.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.client.endpoint().credentials.access_key
    }

    /// The secret key, with which clients sign.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.client.endpoint().credentials.secret_key
    }

    /// The account that only this test has, if the server is moto.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.namespace.account.as_deref()
    }

    /// The prefix of this test's names: `itest-`, 16 characters of `0-9` and `a-f`, and `-`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.namespace.prefix
    }

    /// A name that only this test uses: the prefix, and this text. The names of buckets must have the prefix on every server, because all accounts
    /// share them.
    #[must_use]
    pub fn name(&self, text: &str) -> String {
        format!("{}{text}", self.namespace.prefix)
    }

    /// The environment variables with which the SDKs of AWS use this server: `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_REGION` and `AWS_DEFAULT_REGION`.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let mut variables: Vec<_> =
            self.endpoint().map(|endpoint| ("AWS_ENDPOINT_URL", endpoint.to_owned())).into_iter().collect();
        variables.extend([
            ("AWS_ACCESS_KEY_ID", self.access_key().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key().to_owned()),
            ("AWS_REGION", self.region().to_owned()),
            ("AWS_DEFAULT_REGION", self.region().to_owned()),
        ]);
        variables
    }

    /// Makes a queue of SQS with this name, or returns the one that exists. A name with the end `.fifo` makes a FIFO queue.
    ///
    /// # Errors
    ///
    /// When the name does not belong to the test, or the server refuses it.
    #[track_caller]
    pub fn create_queue(&self, name: &str) -> impl Future<Output = Result<Queue, Error>> + Send {
        let location = Location::caller();
        async move {
            self.namespace.check(name).map_err(at(location))?;
            Queue::create(&self.client, name).await.map_err(at(location))
        }
    }

    /// The queue of SQS with this name, which the code under test has made.
    ///
    /// # Errors
    ///
    /// When there is none.
    #[track_caller]
    pub fn queue(&self, name: &str) -> impl Future<Output = Result<Queue, Error>> + Send {
        let location = Location::caller();
        async move { Queue::find(&self.client, name).await.map_err(at(location)) }
    }

    /// Makes a topic of SNS with this name, or returns the one that exists.
    ///
    /// # Errors
    ///
    /// When the name does not belong to the test, or the server refuses it.
    #[track_caller]
    pub fn create_topic(&self, name: &str) -> impl Future<Output = Result<Topic, Error>> + Send {
        let location = Location::caller();
        async move {
            self.namespace.check(name).map_err(at(location))?;
            Topic::create(&self.client, &self.namespace, name).await.map_err(at(location))
        }
    }
}

/// Adds the place in the test to an error.
fn at(location: &'static Location<'static>) -> impl Fn(Error) -> Error {
    move |error| Error::at(error.to_string(), location)
}

impl fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret key is left out.
        write!(formatter, "Aws({}, {})", self.client.endpoint().url, self.namespace.prefix)
    }
}

/// A namespace of AWS.
#[fixture(crate = crate::itest)]
async fn aws(server: &RunServer<AwsService>, info: &TestInfo, teardown: &Teardown) -> Result<Aws, Error> {
    let address = server.address();
    let Aws { client, namespace } = reach(address, || open(address)).await?;
    let (removing, removed) = (client.clone(), namespace.clone());
    if address.is_private() {
        let address = address.clone();
        teardown.defer("remove the queues, topics and buckets of the test", async move {
            // A server that has ended has nothing any more.
            if address.has_ended() { Ok(()) } else { remove(&removing, &removed).await }
        });
    } else {
        let server = client.endpoint().url.clone();
        teardown.durable(remove_aws_resources, LeftResources { server, namespace: removed })?;
    }
    let (checking, checked, info) = (client.clone(), namespace.clone(), info.clone());
    let (address, used) = (address.clone(), ServerOfTest::new(address));
    teardown.defer_with("check the queues of the test", move |outcome| async move {
        used.check("the private moto server of this run", address.end_of_log())?;
        if outcome != Outcome::Passed {
            return Ok(());
        }
        warn_of_messages_in_flight(&checking, &checked, &info).await
    });
    Ok(Aws { client, namespace })
}

/// A new namespace on a server.
async fn open(address: &Address) -> Result<Aws, Error> {
    let client = AwsClient::new(endpoint_of(address)?);
    let namespace = Namespace::new(&client, address).await;
    let client = namespace.client_of_test(&client).await?;
    Ok(Aws { client, namespace })
}
