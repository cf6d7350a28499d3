//! A program that tests start: `soak-child ADDRESS KIND` listens on a port of the address and prints the port.
//!
//! With kind `parent` it first starts a child that sleeps, and with `forebear` a daemon in a session of its own without streams. With
//! `alone` it starts no process.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The program ends after this time, even if every teardown fails.
const LIFETIME: Duration = Duration::from_mins(10);

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, kind] = arguments.as_slice() else {
        return Err(std::io::Error::other("usage: soak-child ADDRESS alone|parent|forebear|sleeper|daemon"));
    };
    if kind == "daemon" {
        rustix::process::setsid()?;
    }
    if kind == "sleeper" || kind == "daemon" {
        std::thread::sleep(LIFETIME);
        return Ok(());
    }
    let listener = TcpListener::bind((address.as_str(), 0))?;
    let progeny = match kind.as_str() {
        "parent" => Some("sleeper"),
        "forebear" => Some("daemon"),
        _ => None,
    };
    if let Some(kind) = progeny {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([address, kind]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    }
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    std::thread::sleep(LIFETIME);
    Ok(())
}
