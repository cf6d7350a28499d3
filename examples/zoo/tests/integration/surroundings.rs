//! State that tests share through the process, the machine or a folder: variables, ports, temporary files.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The first of the ports that the system does not assign by itself. They end where Linux's ports for outgoing connections begin.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// Sets or removes an environment variable of the process.
#[expect(unsafe_code, reason = "tests of an application that is configured by its environment change it")]
pub(crate) fn set_variable(name: &str, value: Option<&str>) {
    match value {
        // SAFETY: a worker runs one test at a time, and nothing else in it reads the environment meanwhile.
        Some(value) => unsafe { env::set_var(name, value) },
        // SAFETY: as above.
        None => unsafe { env::remove_var(name) },
    }
}

/// A path in the common temp dir, under a name that other tests may use, too.
pub(crate) fn temporary(name: &str) -> PathBuf {
    env::temp_dir().join(format!("zoo-{name}"))
}

/// The fixed address of an application: the same one for all tests that share a temp dir.
///
/// On Linux every address that begins with 127 is local, so the address is one of millions, and concurrent runs do not collide.
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

/// Simulates the time that the application needs. In this window another test can interfere.
pub(crate) async fn work_for(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
