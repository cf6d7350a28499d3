//! A service that tests start: with a child process, as a daemon, or with a listening port. It notes its process ids and its port in
//! the file that `JOURNAL` names.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

fn note(words: &str) -> io::Result<()> {
    let path = std::env::var_os("JOURNAL").ok_or(io::ErrorKind::NotFound)?;
    OpenOptions::new().create(true).append(true).open(path)?.write_all(format!("{words}\n").as_bytes())
}

/// Starts this program in another role.
fn start(role: &str) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(role).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

fn wait_forever() {
    loop {
        std::thread::park();
    }
}

fn main() -> io::Result<()> {
    match std::env::args().nth(1).unwrap_or_default().as_str() {
        "family" => {
            note(&format!("grandchild {}", start("rest")?.id()))?;
            note(&format!("child {}", std::process::id()))?;
            wait_forever();
        }
        // A daemon is made in the classic way: fork, start a session, fork again, and end the process in between.
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
            // The greeting identifies this service, because another process may get the same port later.
            let greeting = std::env::var("JOURNAL").unwrap_or_default();
            for connection in listener.incoming() {
                let _ = connection.and_then(|mut connection| connection.write_all(greeting.as_bytes()));
            }
        }
        _ => wait_forever(),
    }
    Ok(())
}
