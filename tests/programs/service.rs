//! What tests start: a service with a process of its own, one that becomes a daemon, one that listens on a port. Who is who is
//! written to the file that `JOURNAL` names.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

fn note(words: &str) -> io::Result<()> {
    let path = std::env::var_os("JOURNAL").ok_or(io::ErrorKind::NotFound)?;
    OpenOptions::new().create(true).append(true).open(path)?.write_all(format!("{words}\n").as_bytes())
}

/// Starts this program in another part.
fn start(part: &str) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(part).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

fn rest() {
    loop {
        std::thread::park();
    }
}

fn main() -> io::Result<()> {
    match std::env::args().nth(1).unwrap_or_default().as_str() {
        "family" => {
            note(&format!("grandchild {}", start("rest")?.id()))?;
            note(&format!("child {}", std::process::id()))?;
            rest();
        }
        // The classic way: fork, a session of its own, fork again, and whoever was in between leaves.
        "daemon" => {
            start("detach")?.wait()?;
        }
        "detach" => {
            rustix::process::setsid()?;
            note(&format!("daemon {}", start("rest")?.id()))?;
        }
        "listen" => {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            note(&format!("listener {}", std::process::id()))?;
            note(&format!("port {}", listener.local_addr()?.port()))?;
            // Who connects is told who answers: ports are given out again.
            let greeting = std::env::var("JOURNAL").unwrap_or_default();
            for connection in listener.incoming() {
                let _ = connection.and_then(|mut connection| connection.write_all(greeting.as_bytes()));
            }
        }
        _ => rest(),
    }
    Ok(())
}
