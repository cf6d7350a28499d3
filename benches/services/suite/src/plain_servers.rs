//! Servers of a worker that nothing cleans. The time of a test on them is the lower bound for a clean one.

use itest::Ready;
use itest::prelude::*;

/// The name of the port of a server.
const PORT: &str = "PORT";

/// Where systems have their servers.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/sbin";

/// The URL of a Redis.
pub(crate) struct PlainRedis(String);

impl PlainRedis {
    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}

#[fixture(scope = "worker")]
async fn plain_redis(teardown: &Teardown) -> Result<PlainRedis> {
    let program = Program::new("redis-server").args(["--bind", "127.0.0.1", "--save", "", "--port", "{port:PORT}"]);
    Ok(PlainRedis(format!("redis://127.0.0.1:{}/", start(program, teardown).await?)))
}

/// The URL of a NATS.
pub(crate) struct PlainNats(String);

impl PlainNats {
    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}

#[fixture(scope = "worker")]
async fn plain_nats(teardown: &Teardown) -> Result<PlainNats> {
    let program = Program::new("nats-server").args(["--addr", "127.0.0.1", "--port", "{port:PORT}"]);
    Ok(PlainNats(format!("nats://127.0.0.1:{}", start(program, teardown).await?)))
}

/// The URL of an MQTT broker.
pub(crate) struct PlainMqtt(String);

impl PlainMqtt {
    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}

#[fixture(scope = "worker")]
async fn plain_mqtt(teardown: &Teardown) -> Result<PlainMqtt> {
    let configuration = "listener %s 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n";
    let start = format!("printf '{configuration}' \"$0\" | exec mosquitto -c /dev/stdin");
    let program = Program::new("/bin/sh").args(["-c", &start, "{port:PORT}"]).env("PATH", SYSTEM_PATH);
    Ok(PlainMqtt(format!("mqtt://127.0.0.1:{}", self::start(program, teardown).await?)))
}

/// Starts a server until the end of the worker, and returns its port.
async fn start(program: Program, teardown: &Teardown) -> Result<u16> {
    let running = program.port(PORT).ready_when(Ready::port(PORT)).start(teardown).await?;
    Ok(running.ports().port(PORT)?)
}
