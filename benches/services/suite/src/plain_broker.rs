//! A RabbitMQ of the run that nothing cleans. The time of a test on it is the lower bound for one with a clean virtual host.

use itest::Ready;
use itest::prelude::*;
use serde::{Deserialize, Serialize};

/// The name of the port of the server.
const PORT: &str = "PORT";

/// The first bytes of a client of AMQP 0-9-1. A server that is ready answers them.
const PROTOCOL_HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// The URL of a RabbitMQ.
#[derive(Serialize, Deserialize)]
pub(crate) struct PlainRabbit(String);

impl PlainRabbit {
    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}

#[fixture(scope = "session")]
async fn plain_rabbit(teardown: &Teardown) -> Result<PlainRabbit> {
    let folder = std::env::temp_dir().join(format!("plain-rabbit-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let removed = folder.clone();
    teardown.defer("remove the folder of RabbitMQ", async move {
        let _ = std::fs::remove_dir_all(removed);
    });
    std::fs::write(folder.join("rabbitmq.conf"), "loopback_users = none\nlog.console.level = warning\n")?;
    std::fs::write(folder.join("plugins"), "[].\n")?;
    let nowhere = folder.join("none");
    let program = Program::new("/usr/lib/rabbitmq/bin/rabbitmq-server")
        .port(PORT)
        .env("HOME", &folder)
        .env("RABBITMQ_NODENAME", "plain@localhost")
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("logs"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_ADVANCED_CONFIG_FILE", &nowhere)
        .env("RABBITMQ_CONF_ENV_FILE", &nowhere)
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_ALLOW_INPUT", "")
        .args(["-sname", "plain@localhost", "-dist_listen", "false", "-start_epmd", "false", "-erl_epmd_port", "1"])
        .args(["-rabbit", "tcp_listeners", "[{\"127.0.0.1\",{port:PORT}}]"]);
    let running =
        program.ready_when(Ready::probe("it speaks AMQP", |ports| answers(ports.port(PORT)))).start(teardown).await?;
    Ok(PlainRabbit(format!("amqp://guest:guest@127.0.0.1:{}/%2f", running.ports().port(PORT)?)))
}

async fn answers(port: Result<u16>) -> Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port?)).await?;
    stream.write_all(PROTOCOL_HEADER).await?;
    stream.read_u8().await?;
    Ok(())
}
