//! The servers at URLs that the suite uses, and what a run has left on them. Each question is one of a plain client, without itest's fixtures.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use itest::prelude::*;
use itest::redis::Client;
use itest::{Ready, RunningProgram, TempDir};
use serde::{Deserialize, Serialize};

use crate::rabbitmq_server::SharedServer;

/// How long a server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A RabbitMQ server that all cases share, because it takes seconds to start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SharedRabbitmq {
    variables: Vec<(String, String)>,
    api: SocketAddr,
}

#[fixture(scope = "session")]
async fn shared_rabbitmq(teardown: &Teardown) -> Result<SharedRabbitmq> {
    let server = SharedServer::start("", teardown).await?;
    let variables = server.variables()?.into_iter().map(|(name, value)| (name.to_owned(), value));
    Ok(SharedRabbitmq { variables: variables.collect(), api: server.api()? })
}

/// A Redis, a NATS and an MQTT server of one case.
#[derive(Debug)]
pub(super) struct SharedServers {
    redis: RunningProgram,
    nats: RunningProgram,
    /// The folder of the streams.
    store: PathBuf,
    mqtt: RunningProgram,
}

#[fixture]
async fn shared_servers(folder: TempDir, teardown: &Teardown) -> Result<SharedServers> {
    let redis = Program::new("redis-server").port("PORT").current_dir("/");
    let redis = redis.args(["--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    let store = folder.path().to_owned();
    let nats = Program::new("nats-server").port("PORT").current_dir("/");
    let nats = nats.args(["--addr", "127.0.0.1", "--port", "{port}", "--jetstream", "--store_dir"]).arg(&store);
    // The shell adds the port, which the program chooses.
    let start = "printf 'listener %s 127.0.0.1\npersistence false\nuser root\nallow_anonymous true\n' \"$0\" | mosquitto -c /dev/stdin";
    let mqtt = Program::new("/bin/sh").port("PORT").args(["-c", start, "{port}"]).current_dir("/");
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/sbin";
    let mqtt = mqtt.env("PATH", path);
    Ok(SharedServers {
        redis: redis.ready_when(Ready::port("PORT")).start(teardown).await?,
        nats: nats.ready_when(Ready::port("PORT")).start(teardown).await?,
        store,
        mqtt: mqtt.ready_when(Ready::port("PORT")).start(teardown).await?,
    })
}

/// The servers that a run uses.
#[derive(Debug)]
pub(super) enum Servers<'t> {
    /// Private servers, and a virtual host of a RabbitMQ server at a URL, because a private one takes seconds to start.
    Private(&'t SharedRabbitmq),
    /// Servers at URLs.
    Shared(&'t SharedRabbitmq, &'t SharedServers),
    /// Private servers, also of RabbitMQ.
    PrivateRabbitmq,
}

impl Servers<'_> {
    /// The variables that make the suite use these servers.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        const SERVICES: [&str; 4] = ["ITEST_REDIS", "ITEST_NATS", "ITEST_MQTT", "ITEST_RABBITMQ"];
        let of = |rabbitmq: &SharedRabbitmq, names: &[&str], value: &str| {
            let names = names.iter().map(|name| ((*name).to_owned(), value.to_owned()));
            names.chain(rabbitmq.variables.iter().cloned()).collect::<Vec<_>>()
        };
        match self {
            Self::PrivateRabbitmq => SERVICES.map(|name| (name.to_owned(), "programs".to_owned())).to_vec(),
            Self::Private(rabbitmq) => of(rabbitmq, &SERVICES[..3], "programs"),
            Self::Shared(rabbitmq, servers) => {
                let SharedServers { redis, nats, mqtt, .. } = servers;
                let mut variables = of(rabbitmq, &SERVICES[..3], "url");
                for (scheme, program) in [("redis", redis), ("nats", nats), ("mqtt", mqtt)] {
                    let address = program.address("PORT").map(|address| format!("{scheme}://{address}"));
                    variables.push((format!("ITEST_{}_URL", scheme.to_uppercase()), address.unwrap_or_default()));
                }
                variables
            }
        }
    }

    /// Whether the service with this word in the journal has a private server with a folder.
    pub(super) fn are_private(&self, word: &str) -> bool {
        match self {
            Self::Private(_) => word != "rabbitmq-folder",
            Self::Shared(..) => false,
            Self::PrivateRabbitmq => true,
        }
    }

    /// The virtual hosts and users of a worker on the RabbitMQ server at a URL. `name` is the name of one of them.
    pub(super) fn left_on_rabbitmq(&self, name: &str) -> Result<Vec<String>> {
        let (Self::Private(rabbitmq) | Self::Shared(rabbitmq, _)) = self else { return Ok(Vec::new()) };
        let of_worker = name.trim_end_matches(|character: char| character.is_ascii_digit());
        let mut left = Vec::new();
        for list in ["vhosts", "users"] {
            let text = answer_of_api(rabbitmq.api, list)?;
            assert!(text.contains("\"name\":"), "no {list}: {text}");
            let names = text.split('"').filter(|word| word.starts_with(of_worker));
            left.extend(names.map(|name| format!("{list} {name}")));
        }
        Ok(left)
    }

    /// What is left on the Redis server at a URL: keys, leases and users.
    pub(super) fn left_on_redis(&self) -> Result<Vec<String>> {
        let Self::Shared(_, servers) = self else { return Ok(Vec::new()) };
        let client = Client::open(format!("redis://{}", servers.redis.address("PORT")?))?;
        let mut connection = client.get_connection()?;
        let keys: String = itest::redis::cmd("INFO").arg("keyspace").query(&mut connection)?;
        let users: Vec<String> = itest::redis::cmd("ACL").arg("USERS").query(&mut connection)?;
        let keys = keys.lines().filter(|line| line.starts_with("db")).map(str::to_owned);
        let users = users.into_iter().filter(|user| user != "default").map(|user| format!("the user {user}"));
        Ok(keys.chain(users).collect())
    }

    /// The streams on the NATS server at a URL.
    pub(super) fn left_on_nats(&self) -> Vec<String> {
        let Self::Shared(_, servers) = self else { return Vec::new() };
        let accounts = fs::read_dir(servers.store.join("jetstream")).into_iter().flatten().flatten();
        let streams = accounts.flat_map(|account| fs::read_dir(account.path().join("streams")).into_iter().flatten());
        streams.flatten().map(|stream| format!("the stream {}", stream.path().display())).collect()
    }

    /// The retained message and the session that a test has left on the MQTT broker at a URL.
    pub(super) fn left_on_mqtt(&self) -> Result<Vec<String>> {
        let Self::Shared(_, servers) = self else { return Ok(Vec::new()) };
        let address = servers.mqtt.address("PORT")?;
        let mut left = Vec::new();
        let (mut client, _) = connect_to_mqtt(address, "reader", Session::New)?;
        // The broker sends the retained message before it answers the ping.
        client.write_all(b"\x82\x09\x00\x01\x00\x04left\x00\xc0\x00")?;
        let mut bytes = Vec::new();
        while !bytes.windows(2).any(|window| window == b"\xd0\x00") {
            let mut part = [0; 256];
            let length = client.read(&mut part)?;
            bytes.extend_from_slice(&part[..length]);
            if length == 0 {
                return Err("the broker has closed the connection".into());
            }
        }
        if bytes.windows(5).any(|window| window == b"taken") {
            left.push("a retained message".to_owned());
        }
        // A session that is there stays there. Otherwise the second connection removes the new one.
        if connect_to_mqtt(address, "left", Session::Existing)?.1 {
            left.push("a session".to_owned());
        } else {
            connect_to_mqtt(address, "left", Session::New)?;
        }
        Ok(left)
    }
}

/// Reads a list of names from the management API.
fn answer_of_api(api: SocketAddr, list: &str) -> Result<String> {
    let mut connection = TcpStream::connect(api)?;
    connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    // The user is `ann` with the password `s3cret`.
    let login = "authorization: Basic YW5uOnMzY3JldA==";
    write!(connection, "GET /api/{list}?columns=name HTTP/1.1\r\nhost: {api}\r\n{login}\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    connection.read_to_string(&mut text)?;
    Ok(text)
}

/// The session that a client of MQTT begins or continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    New,
    Existing,
}

/// Connects to a broker, and returns whether the broker had a session of this client.
fn connect_to_mqtt(address: SocketAddr, id: &str, session: Session) -> io::Result<(TcpStream, bool)> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let id_length = u8::try_from(id.len()).unwrap_or(u8::MAX);
    let clean = u8::from(session == Session::New) << 1;
    let mut packet = vec![0x10, id_length + 12, 0, 4, b'M', b'Q', b'T', b'T', 4, clean, 0, 0, 0, id_length];
    packet.extend_from_slice(id.as_bytes());
    client.write_all(&packet)?;
    let mut answer = [0; 4];
    client.read_exact(&mut answer)?;
    Ok((client, answer[2] & 1 == 1))
}
