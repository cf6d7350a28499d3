//! Tests of `ServiceOf`. The service that the suite defines is a real server: Redis, started from its program or named by a URL.

mod at_url;
mod hung;
mod lost;
#[path = "../nested/mod.rs"]
mod nested;
mod readiness;

use itest::prelude::*;
use itest::redis::{AsyncCommands, Client};
use itest::service::{AnyService, Namespace, PrivateService, Readiness, ServiceOf};

itest::main!();

/// The configuration file of the store.
const CONFIGURATION: &str = "redis.conf";

/// A store of keys, which is Redis without itest's fixture for Redis.
#[derive(Debug)]
pub(crate) struct Store;

impl AnyService for Store {
    const NAME: &'static str = "Store";
    const VARIABLE: &'static str = "TEST_STORE";
    const PORT: u16 = 6379;
    const URL: &'static str = "redis://:{password}@{host}:{port}/0";
    const PROGRAM: Option<&'static str> = Some("redis-server");
    const CLEAN: Option<fn(Namespace) -> Durable<Namespace>> = Some(delete_keys);

    fn initialize(private: &PrivateService) -> Result<()> {
        let text = format!("bind 127.0.0.1\nsave \"\"\nrequirepass {}\n", private.password());
        Ok(std::fs::write(private.folder().join(CONFIGURATION), text)?)
    }

    fn program(program: Program, private: &PrivateService) -> Program {
        let configuration = private.folder().join(CONFIGURATION);
        program.arg(configuration).args(["--port", "{port}"]).arg("--dir").arg(private.folder())
    }

    fn ready() -> Readiness {
        Readiness::probe(|url| async move {
            Client::open(url)?.get_multiplexed_async_connection().await?;
            Ok(())
        })
    }
}

/// Deletes the keys of a namespace.
#[teardown]
async fn delete_keys(namespace: Namespace) -> Result<()> {
    let mut connection = Client::open(namespace.url()?)?.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = connection.keys(format!("{}*", namespace.name())).await?;
    for key in keys {
        let _: () = connection.del(key).await?;
    }
    Ok(())
}

pub(crate) async fn keys(url: &str) -> Result<Vec<String>> {
    Ok(Client::open(url)?.get_multiplexed_async_connection().await?.keys("*").await?)
}

pub(crate) async fn set(store: &ServiceOf<Store>, key: &str) -> Result<()> {
    let mut connection = Client::open(store.url())?.get_multiplexed_async_connection().await?;
    let _: () = connection.set(format!("{}:{key}", store.namespace()), "x").await?;
    Ok(())
}

#[integration_test]
async fn tests_share_the_service_and_have_different_namespaces(
    #[values(1, 2, 3)] _again: u32,
    store: &ServiceOf<Store>,
) -> Result<()> {
    #[arrange]
    let own = format!("{}:cart", store.namespace());

    #[act]
    set(store, "cart").await?;

    #[assert]
    assert!(store.namespace().starts_with("itest_"));
    assert_eq!(store.namespace().len(), 22);
    let of_others: Vec<String> = keys(store.url()).await?.into_iter().filter(|key| *key != own).collect();
    assert!(of_others.iter().all(|key| !key.starts_with(store.namespace())), "{of_others:?}");
    assert_eq!(store.url(), format!("redis://:{}@{}:{}/0", password(store.url()), store.host(), store.port()));
    Ok(())
}

fn password(url: &str) -> String {
    url.split(['@', ':']).nth(2).unwrap_or_default().to_owned()
}

#[integration_test]
async fn password_is_required_and_not_shown(store: &ServiceOf<Store>) -> Result<()> {
    let without = format!("redis://{}:{}/0", store.host(), store.port());
    assert!(keys(&without).await.is_err());
    assert_eq!(password(store.url()).len(), 32);
    assert!(!format!("{store:?}").contains(&password(store.url())));
    Ok(())
}
