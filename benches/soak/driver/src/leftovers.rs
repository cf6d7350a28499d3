//! Leftovers of a round: processes, files and ports that should not exist.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::processes;
use crate::stage::Stage;

/// Descriptions of all current leftovers.
pub(crate) fn find(stage: &Stage) -> Vec<String> {
    let mut left = processes::marked(&stage.mark())
        .into_iter()
        .map(|process| format!("process {} ({:?}): {}", process.id, process.role, process.command))
        .collect::<Vec<_>>();
    for folder in [stage.temp(), stage.outside(), stage.sessions()] {
        left.extend(entries(&folder));
    }
    left.extend(server_folders(stage));
    left.extend(listening(stage.address()));
    left
}

/// The folders of private servers in memory. Their names contain the id of the process that started them: `itest-redis-4711-…`.
fn server_folders(stage: &Stage) -> Vec<String> {
    let ids = fs::read_to_string(stage.process_ids()).unwrap_or_default();
    let ids: Vec<String> = ids.lines().map(|id| format!("-{id}-")).collect();
    let folders = entries(Path::new("/dev/shm")).into_iter();
    folders.filter(|folder| folder.contains("/itest-") && ids.iter().any(|id| folder.contains(id))).collect()
}

/// Waits until nothing is left or the time is up, and returns the leftovers.
pub(crate) fn settle(stage: &Stage, limit: Duration) -> Vec<String> {
    let began = Instant::now();
    let mut empty = 0;
    loop {
        let left = find(stage);
        // A process that is just being started may be missed, so three checks in a row must find nothing.
        empty = if left.is_empty() { empty + 1 } else { 0 };
        if empty == 3 || began.elapsed() > limit && !left.is_empty() {
            return left;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(format!("{}", entry.ok()?.path().display()))).collect()
}

/// The listening ports of an address.
fn listening(address: &str) -> Vec<String> {
    const LISTENING: &str = "0A";
    let Ok(parsed) = address.parse::<Ipv4Addr>() else { return Vec::new() };
    let wanted = format!("{:08X}", u32::from_ne_bytes(parsed.octets()));
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let port = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_, local, _, LISTENING, ..] = fields.as_slice() else { return None };
        let (host, port) = local.split_once(':')?;
        (host == wanted).then(|| u16::from_str_radix(port, 16).ok()).flatten()
    };
    table.lines().filter_map(port).map(|port| format!("listening port {address}:{port}")).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use figures::{Context, Failure};

    use super::*;

    #[test]
    fn folder_of_a_private_server_is_listed_for_the_process_that_started_it() -> Result<(), Failure> {
        let parent = std::env::temp_dir().join(format!("soak-test-{}", std::process::id()));
        let (stage, other) = (Stage::new(&parent, 1)?, Stage::new(&parent, 2)?);
        let id = std::process::id();
        let folder = format!("/dev/shm/itest-test-{id}-0");
        fs::create_dir_all(&folder).context(|| folder.clone())?;
        fs::write(stage.process_ids(), format!("1\n{id}\n")).context(|| "writing".to_owned())?;
        let (left, left_of_other) = (server_folders(&stage), server_folders(&other));
        fs::remove_dir(&folder).context(|| folder.clone())?;
        fs::remove_dir_all(parent).context(|| "removing".to_owned())?;
        assert_eq!((left, left_of_other), (vec![folder], Vec::new()));
        Ok(())
    }

    #[test]
    fn listening_port_is_listed_for_its_address() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.1.2.3:0")?;
        let port = listener.local_addr()?.port();
        assert_eq!(listening("127.1.2.3"), [format!("listening port 127.1.2.3:{port}")]);
        assert_eq!(listening("127.1.2.4"), Vec::<String>::new());
        Ok(())
    }
}
