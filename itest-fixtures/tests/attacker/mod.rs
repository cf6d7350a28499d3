//! Clients that disturb a server in the middle of a test: they send garbage, or say nothing.

use std::net::SocketAddr;
use std::time::Duration;

use itest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::nested::{Run, run};

/// The variable that the servers of an attacked run inherit.
pub(crate) const ATTACKED_RUN: &str = "ATTACKED_RUN";

/// How long a server may take to close a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

/// The most memory of a worker.
const MAX_MEMORY_BYTES: u64 = 400 << 20;

/// Runs the nested tests that match `filter` one after the other, with these variables.
pub(crate) async fn run_attacked(filter: &str, variables: &[(&str, &str)]) -> Result<Run> {
    let name = std::process::id().to_string();
    let variables = [variables, &[(ATTACKED_RUN, &name)]].concat();
    run(filter, &["--order", "declared", "--jobs", "1"], &variables).await
}

/// Sends bytes that are none of the protocol, on several connections. `beginnings` are valid beginnings of the protocol, which garbage follows.
pub(crate) async fn send_garbage(address: SocketAddr, beginnings: &[&[u8]]) -> Result<()> {
    let noise: Vec<u8> = (0..100_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    for beginning in beginnings.iter().chain(&[&b""[..], b"\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00"]) {
        let mut stream = TcpStream::connect(address).await?;
        // The server may have closed the connection already.
        let _ = stream.write_all(&[beginning, &noise[..]].concat()).await;
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, stream.read_to_end(&mut Vec::new())).await;
    }
    Ok(())
}

/// Connections whose clients say nothing, or begin a frame and never finish it. They stay open until the process ends.
pub(crate) async fn open_silent_connections(address: SocketAddr, beginnings: &[&[u8]]) -> Result<()> {
    for beginning in beginnings.iter().chain(&[&b""[..]; 20]) {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(beginning).await?;
        std::mem::forget(stream);
    }
    Ok(())
}

/// Checks the most memory that this process has used so far.
pub(crate) fn assert_memory_is_bounded() -> Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let bytes = peak.ok_or("the kernel says how much memory was used")? << 10;
    assert!(bytes < MAX_MEMORY_BYTES, "the worker has used {} MiB", bytes >> 20);
    Ok(())
}
