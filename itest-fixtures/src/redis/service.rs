//! Redis as a service: how itest finds or starts a server.

use itest_runtime::__private::{FixtureSetting, SettingShape, inventory};
use itest_runtime::Error;

use super::address::SCHEMES;
use super::connection::connect;
use super::programs::{Installation, PID_FILE};
use super::server::{self, RedisService};
#[cfg(feature = "containers")]
use crate::service::container::{ContainerSettings, MEMORY};
use crate::service::{Address, Service, SharedServer, WorkerService, declare_service_settings};

declare_service_settings!("redis", "Redis", image = "redis:7-alpine");

inventory::submit! {
    FixtureSetting {
        key: "redis-allow",
        shape: SettingShape::Value("HOST/DATABASE"),
        help: "Redis servers to use even if their host or their data suggest another purpose than tests, separated by commas",
        default_text: "",
    }
}

impl WorkerService for RedisService {}

impl Service for RedisService {
    const NAME: &'static str = "Redis";
    const ID: &'static str = "redis";
    const VARIABLE: &'static str = "ITEST_REDIS";
    const APPLICATION_VARIABLE: &'static str = "REDIS_URL";
    const ALLOW_VARIABLE: &'static str = "ITEST_REDIS_ALLOW";
    const NAMESPACE: &'static str = "database";
    const URL_SCHEMES: &'static [&'static str] = SCHEMES;

    type Server = SharedServer;

    type Programs = Installation;
    const INSTALLATION: &'static str = "install it (Debian: apt-get install redis-server; macOS: brew install redis)";
    const ACCOUNTS: &'static [&'static str] = &["redis", "valkey", "nobody"];
    const PID_FILE: &'static str = PID_FILE;

    #[cfg(feature = "containers")]
    const IMAGE: Option<&'static str> = Some("redis:7-alpine");
    const PORT: u16 = 6379;

    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings {
        // The container writes the password to a file, because the images have no variable for it, and an argument would be visible to every
        // user of the machine.
        let start = format!(
            "umask 077; printf 'requirepass %s\\nsave \"\"\\nappendonly no\\n' \"$ITEST_PASSWORD\" >{MEMORY}/redis.conf; \
             exec $(command -v redis-server || command -v valkey-server) {MEMORY}/redis.conf"
        );
        ContainerSettings {
            environment: Vec::new(),
            password_variables: vec!["ITEST_PASSWORD"],
            arguments: vec!["sh".to_owned(), "-c".to_owned(), start],
        }
    }

    async fn probe(address: &Address) -> Result<(), Error> {
        connect(address).await.map(drop)
    }

    async fn open(address: Address, variable: &str, not_used: Option<String>) -> Result<SharedServer, Error> {
        server::open(address, variable, not_used.as_deref()).await
    }
}
