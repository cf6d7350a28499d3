//! How long a run takes longer if its test needs a private server, and how long the same program takes to start by hand.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use figures::{Context, Failure, Samples, Table};

use crate::differences::Differences;
use crate::measured::Measured;
use crate::suite::Suite;

/// The time between two attempts to reach a server that was started by hand.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long a server that was started by hand may take.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(10);

/// A program that serves one worker.
struct Server {
    title: &'static str,
    /// The test that only requests the fixture.
    test: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    request: &'static [u8],
    /// The first bytes of a server that is ready.
    response: &'static [u8],
    max_milliseconds: f64,
}

const SERVERS: [Server; 2] = [
    Server {
        title: "Redis",
        test: "clean_redis::start",
        program: "redis-server",
        arguments: &["--bind", "127.0.0.1", "--save", ""],
        request: b"PING\r\n",
        response: b"+PONG",
        max_milliseconds: 60.0,
    },
    Server {
        title: "NATS",
        test: "clean_nats::start",
        program: "nats-server",
        arguments: &["--addr", "127.0.0.1"],
        request: b"",
        response: b"INFO ",
        max_milliseconds: 100.0,
    },
];

/// Measures all servers in alternating rounds.
///
/// # Errors
///
/// When a run of the suite fails, or a server cannot be started.
pub(crate) fn measure(suite: &Suite, rounds: u32) -> Result<Measured, Failure> {
    let mut times: [(Differences, Samples); SERVERS.len()] = Default::default();
    for round in 1..=rounds {
        for (server, (runs, by_hand)) in SERVERS.iter().zip(&mut times) {
            runs.add(suite.one_test(server.test)?, suite.one_test("empty")?, 1);
            by_hand.add(server.start()?);
        }
        eprintln!("round {round} of {rounds}: starts");
    }
    let columns = ["a private server", "adds to a run", "middle half", "bound", "verdict", "started by hand"];
    let mut measured = Measured::new(Table::new(&columns));
    for (server, (runs, by_hand)) in SERVERS.iter().zip(&times) {
        let (time, bound) = (runs.median(), server.max_milliseconds);
        let verdict = measured.judge(time, bound);
        measured.table.row([
            Some(server.title.to_owned()),
            Some(format!("{time:.1} ms")),
            Some(runs.middle_half()),
            Some(format!("{bound} ms")),
            Some(verdict.to_owned()),
            Some(format!("{:.1} ms", by_hand.median().as_secs_f64() * 1e3)),
        ]);
    }
    Ok(measured)
}

impl Server {
    /// The time from the start of the program to its first response. The program is killed afterwards.
    fn start(&self) -> Result<Duration, Failure> {
        let port = free_port().context(|| "choosing a port".to_owned())?;
        let mut command = Command::new(self.program);
        command.args(self.arguments).args(["--port", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let since = Instant::now();
        let _process = Process(command.spawn().context(|| format!("starting {}", self.program))?);
        while !self.responds(port).unwrap_or_default() {
            if since.elapsed() > STARTUP_TIMEOUT {
                return Err(Failure::new(format!("{} does not respond on port {port}", self.program)));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(since.elapsed())
    }

    fn responds(&self, port: u16) -> io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(STARTUP_TIMEOUT))?;
        stream.write_all(self.request)?;
        let mut response = vec![0; self.response.len()];
        stream.read_exact(&mut response)?;
        Ok(response == self.response)
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A process that is killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
