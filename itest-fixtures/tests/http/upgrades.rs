//! Upgrades to WebSocket, spoken by hand over a plain connection.

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use itest::Server;
use itest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Answers each text with the same text.
async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            if let Message::Text(text) = message {
                socket.send(Message::Text(text)).await.unwrap();
            }
        }
    })
}

#[integration_test]
async fn websocket_is_upgraded_and_answers(teardown: &Teardown) -> Result<()> {
    let server = Server::start(Router::new().route("/ws", get(echo)), teardown).await?;
    let mut connection = TcpStream::connect(server.address()).await?;
    // The key and its answer are the example of RFC 6455.
    let request = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    connection.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await?);
    }
    let head = String::from_utf8(head)?.to_lowercase();
    assert!(head.starts_with("http/1.1 101 ") && head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");

    // A final text frame of two bytes, masked with zeros, and the same frame without a mask.
    connection.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await?;
    let mut frame = [0; 4];
    connection.read_exact(&mut frame).await?;
    assert_eq!(frame, [0x81, 0x02, b'h', b'i']);
    Ok(())
}
