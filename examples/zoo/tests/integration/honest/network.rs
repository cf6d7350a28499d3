//! Ports that the system chooses.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;

use itest::prelude::*;

use crate::surroundings::work_for;

#[integration_test]
fn a_server_echoes(#[values("a", "lion", "two lions", "a hundred zebras")] text: &'static str) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let client = thread::spawn(move || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(text.as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut echo = String::new();
        stream.read_to_string(&mut echo)?;
        Ok(echo)
    });
    let (mut stream, _) = listener.accept()?;
    let mut received = String::new();
    stream.read_to_string(&mut received)?;
    stream.write_all(received.as_bytes())?;
    drop(stream);
    let echo = client.join().map_err(|_| "the client panicked")??;
    assert_eq!(echo, text);
    Ok(())
}

/// Keeps a port for a while, like the dashboard.
#[integration_test]
async fn a_free_port_is_used(#[values(2, 3, 4, 5)] milliseconds: u64) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let second = TcpListener::bind("127.0.0.1:0")?;
    work_for(milliseconds).await;
    assert_ne!(listener.local_addr()?.port(), second.local_addr()?.port());
    Ok(())
}

/// A socket with the same name every time, in a folder of the test's own.
#[integration_test]
async fn a_socket_is_listened_on(dir: TempDir, #[values(0, 1, 2, 3, 4)] milliseconds: u64) -> Result<()> {
    let listener = UnixListener::bind(dir.join("socket"))?;
    work_for(milliseconds).await;
    assert!(listener.local_addr()?.as_pathname().is_some());
    Ok(())
}
