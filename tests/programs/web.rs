//! A small HTTP service that tests start. It listens on the port that `PORT` names, answers each request with the number of requests since
//! its start, and ends after SIGTERM. `/health` answers 503 until `WARM_UP_MS` milliseconds are over, and `/exit/CODE` ends the service.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

fn variable(name: &str) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// The service between two requests.
struct Service {
    began: Instant,
    warm_up: Duration,
    requests: u32,
}

impl Service {
    async fn answer(&mut self, mut stream: TcpStream) -> io::Result<()> {
        let mut line = String::new();
        BufReader::new(&mut stream).read_line(&mut line).await?;
        // A connection that only checks whether the port is open sends nothing.
        let Some(path) = line.split(' ').nth(1).map(str::to_owned) else { return Ok(()) };
        println!("request {path}");
        if let Some(code) = path.strip_prefix("/exit/").and_then(|code| code.parse().ok()) {
            std::process::exit(code);
        }
        self.requests += 1;
        let status = if path == "/health" && self.began.elapsed() < self.warm_up { "503 Busy" } else { "200 OK" };
        let body = self.requests.to_string();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = u16::try_from(variable("PORT")).unwrap_or_default();
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    let (began, warm_up) = (Instant::now(), Duration::from_millis(variable("WARM_UP_MS")));
    let mut service = Service { began, warm_up, requests: 0 };
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client that has closed its connection gets no answer.
                let _ = service.answer(accepted?.0).await;
            }
            _ = terminate.recv() => break,
        }
    }
    eprintln!("stopped");
    Ok(())
}
