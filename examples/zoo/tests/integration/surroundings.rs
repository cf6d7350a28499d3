//! What tests share because they share a process, a machine or a folder: variables, ports, temporary files.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Ports that the system gives to nobody by itself begin here, and end where Linux takes those of outgoing connections.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// Sets a variable of the process, or takes it away.
#[expect(unsafe_code, reason = "tests of an application that is configured by its environment change it")]
pub(crate) fn set_variable(name: &str, value: Option<&str>) {
    match value {
        // SAFETY: a worker runs one test at a time, and nothing else in it reads the environment meanwhile.
        Some(value) => unsafe { env::set_var(name, value) },
        // SAFETY: as above.
        None => unsafe { env::remove_var(name) },
    }
}

/// A file where everybody puts theirs, under a name that anybody could have thought of.
pub(crate) fn temporary(name: &str) -> PathBuf {
    env::temp_dir().join(format!("zoo-{name}"))
}

/// The address that is written into an application's configuration: always the same one for tests that share their temp dir.
///
/// Where every address that begins with 127 is this machine, it is one of millions: runs beside each other do not meet there.
pub(crate) fn fixed_address(application: &str) -> SocketAddr {
    let mut hasher = DefaultHasher::new();
    (env::temp_dir(), application).hash(&mut hasher);
    let [first, second, third, _, _, _, high, low] = hasher.finish().to_le_bytes();
    let port = FIRST_PORT + u16::from_le_bytes([high, low]) % PORTS;
    let is_all_local = cfg!(target_os = "linux");
    let address =
        if is_all_local { Ipv4Addr::new(127, first, second, third.clamp(1, 254)) } else { Ipv4Addr::LOCALHOST };
    (address, port).into()
}

/// The time that the application needs for what it does: a window in which somebody else can come in between.
pub(crate) async fn work_for(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
