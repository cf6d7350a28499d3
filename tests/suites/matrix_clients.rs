//! Plain clients that leave a state on a server, and a connection. The soak uses them, too.

use itest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Makes a stream of `JetStream`.
pub(crate) async fn make_stream(nats: &Nats) -> Result<TcpStream> {
    let configuration = r#"{"name":"LEFT","subjects":["left"]}"#;
    let length = configuration.len();
    let frames = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB reply 1\r\nPUB $JS.API.STREAM.CREATE.LEFT reply {length}\r\n{configuration}\r\n"
    );
    let mut stream = TcpStream::connect(nats.address()).await?;
    stream.write_all(frames.as_bytes()).await?;
    read_until(&mut stream, "MSG reply").await?;
    Ok(stream)
}

/// Retains a message, as a client whose session outlasts its connection.
pub(crate) async fn retain_message(mqtt: &Mqtt) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(mqtt.address()).await?;
    stream.write_all(b"\x10\x10\x00\x04MQTT\x04\x00\x00\x00\x00\x04left").await?;
    stream.read_exact(&mut [0; 4]).await?;
    stream.write_all(b"\x33\x0d\x00\x04left\x00\x01taken").await?;
    stream.read_exact(&mut [0; 4]).await?;
    Ok(stream)
}

/// Begins a mail, and does not finish it.
pub(crate) async fn begin_mail(mailbox: &Mailbox) -> Result<TcpStream> {
    let mut stream = TcpStream::connect((mailbox.host(), mailbox.port())).await?;
    read_until(&mut stream, "220 ").await?;
    stream.write_all(b"EHLO client\r\nMAIL FROM:<a@example.org>\r\n").await?;
    Ok(stream)
}

pub(crate) async fn read_until(stream: &mut TcpStream, expected: &str) -> Result<()> {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(expected) {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(format!("the server closed the connection before {expected}").into());
        }
    }
    Ok(())
}
