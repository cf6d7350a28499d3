//! What a test takes of each service: a private server, or its part of a server at a URL.

use std::fs;
use std::path::{Path, PathBuf};

use itest::prelude::*;
use itest::redis::{AsyncCommands, Redis};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::matrix_clients::{begin_mail, make_stream, read_until, retain_message};
use crate::note;

/// The services whose private servers have folders, with the beginnings of the names of these folders.
const SERVICES: [&str; 4] = ["redis", "nats", "mqtt", "rabbitmq"];

/// The connections of the test, which stay open until its end.
pub(crate) struct Services {
    _connections: [TcpStream; 4],
}

#[fixture]
async fn services(redis: &Redis, nats: &Nats, mqtt: &Mqtt, rabbitmq: &Rabbit, mailbox: &Mailbox) -> Result<Services> {
    note(&format!("virtual-host {}", rabbitmq.virtual_host()));
    note(&format!("mail {}", mailbox.port()));
    let _: () = redis.connection().await?.set("left", "taken").await?;
    let connections = [
        make_stream(nats).await?,
        retain_message(mqtt).await?,
        begin_handshake(rabbitmq).await?,
        begin_mail(mailbox).await?,
    ];
    note_folders();
    note("services 1");
    Ok(Services { _connections: connections })
}

/// Begins the handshake of AMQP, and does not finish it.
async fn begin_handshake(rabbitmq: &Rabbit) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(rabbitmq.address()).await?;
    stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
    read_until(&mut stream, "product").await?;
    Ok(stream)
}

/// Notes the folders of the private servers of this run.
fn note_folders() {
    for folder in ["/dev/shm".into(), "/tmp".into(), std::env::temp_dir()].iter().flat_map(folders) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let service = SERVICES.into_iter().find(|service| name.starts_with(&format!("itest-{service}-")));
        if let Some(service) = service.filter(|_| is_of_this_run(&folder)) {
            note(&format!("{service}-folder {}", folder.display()));
        }
    }
}

fn folders(parent: &PathBuf) -> Vec<PathBuf> {
    fs::read_dir(parent).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// Whether the server of a folder has inherited the journal of this run.
fn is_of_this_run(folder: &Path) -> bool {
    let id = fs::read_to_string(folder.join("pid")).unwrap_or_default();
    let variables = fs::read(format!("/proc/{}/environ", id.trim())).unwrap_or_default();
    let journal = std::env::var("JOURNAL").unwrap_or_default();
    variables.split(|byte| *byte == 0).any(|variable| variable == format!("JOURNAL={journal}").as_bytes())
}
