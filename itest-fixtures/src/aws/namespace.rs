//! What of the server belongs to one test.

use std::hash::{BuildHasher, RandomState};

use itest_runtime::Error;
use serde::{Deserialize, Serialize};

use super::client::AwsClient;
use super::location::is_aws_itself;
use crate::failure::with_action;
use crate::service::Address;
use crate::sigv4::Credentials;
use crate::xml::texts_of;

/// The beginning of every prefix.
const PREFIX: &str = "itest-";

/// The smallest number of twelve digits.
const FIRST_ACCOUNT: u64 = 100_000_000_000;

/// How many numbers of twelve digits there are.
const ACCOUNTS: u64 = 900_000_000_000;

/// What of the server belongs to one test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Namespace {
    /// The names of the test begin so.
    pub(super) prefix: String,
    /// The account that only this test has, with everything in it. Without one, only names with the prefix belong to the test.
    pub(super) account: Option<String>,
}

impl Namespace {
    /// A namespace that no other test has.
    pub(super) async fn new(client: &AwsClient, address: &Address) -> Self {
        let [prefix, account] = [(); 2].map(|()| RandomState::new().hash_one(std::process::id()));
        // A private server is moto.
        let has_accounts = address.private().is_some() || !is_aws_itself(client.endpoint()) && client.is_moto().await;
        Self {
            prefix: format!("{PREFIX}{prefix:016x}-"),
            account: has_accounts.then(|| (FIRST_ACCOUNT + account % ACCOUNTS).to_string()),
        }
    }

    /// Whether a name belongs to the test.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.account.is_some() || name.starts_with(&self.prefix)
    }

    /// Refuses a name that does not belong to the test.
    ///
    /// # Errors
    ///
    /// When the name lacks the prefix.
    pub(super) fn check(&self, name: &str) -> Result<(), Error> {
        if self.contains(name) {
            return Ok(());
        }
        let prefix = &self.prefix;
        Err(Error::new(format!(
            "the name {name} does not belong to this test, because it does not begin with {prefix}; call name(\"{name}\") to get one that does"
        )))
    }

    /// A client with the credentials of the test: those of its account, if it has one.
    ///
    /// # Errors
    ///
    /// When the server has no accounts.
    pub(super) async fn client_of_test(&self, client: &AwsClient) -> Result<AwsClient, Error> {
        let Some(account) = &self.account else { return Ok(client.clone()) };
        // moto makes the account. The role need not exist.
        let role = format!("arn:aws:iam::{account}:role/itest");
        let xml = client.sts("AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "itest")]).await?;
        let text = |name: &str| texts_of(&xml, name).pop();
        let (Some(access_key), Some(secret_key)) = (text("AccessKeyId"), text("SecretAccessKey")) else {
            return Err(with_action("get credentials for an account of moto", "the answer to AssumeRole has none"));
        };
        Ok(client.with_credentials(Credentials { access_key, secret_key }))
    }

    /// Checks that the server keeps accounts apart, if it says that it does.
    ///
    /// # Errors
    ///
    /// When the account of the credentials is another one.
    pub(super) async fn check_accounts(&self, client: &AwsClient) -> Result<(), Error> {
        let Some(account) = &self.account else { return Ok(()) };
        let actual = self.client_of_test(client).await?.account().await?;
        if actual == *account {
            return Ok(());
        }
        let reason = format!(
            "the credentials for the account {account} are those of the account {actual}; itest needs moto 5, without the variable MOTO_ACCOUNT_ID"
        );
        Err(with_action("keep the tests apart by accounts of moto", &reason))
    }
}
