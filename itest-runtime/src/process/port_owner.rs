//! Which process listens on a port.

use crate::model::Mark;

/// The process that listens on a port of this machine, if it belongs to a test suite and does not have the mark.
///
/// The owner of a listener is not known for processes of other users. Such a listener, and one of a process outside of all suites, may have
/// been opened for the program, for example by a container engine, and is therefore not foreign.
#[cfg(target_os = "linux")]
pub(crate) fn foreign_owner_of_port(port: u16, mark: &Mark) -> Option<u32> {
    use super::children::entries_by_number;
    use super::mark::{ItestMark, itest_mark_of};

    let inodes = linux::listeners(port);
    if inodes.is_empty() {
        return None;
    }
    let mut foreign = None;
    for (process, _) in entries_by_number("/proc") {
        match itest_mark_of(process, mark) {
            ItestMark::Same if linux::has_socket(process, &inodes) => return None,
            ItestMark::Other if linux::has_socket(process, &inodes) => foreign = Some(process),
            _ => {}
        }
    }
    foreign
}

/// Only Linux shows the owner of a listener to every process.
#[cfg(not(target_os = "linux"))]
pub(crate) fn foreign_owner_of_port(_: u16, _: &Mark) -> Option<u32> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeSet;
    use std::fs;

    use crate::model::set_of;

    /// The inodes of the sockets that listen on a port.
    pub(super) fn listeners(port: u16) -> BTreeSet<String> {
        let tables =
            ["/proc/self/net/tcp", "/proc/self/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
        set_of(tables.iter().flat_map(|table| table.lines()).filter_map(|line| listener(line, port)))
    }

    /// The inode of a listener, from a line of `/proc/net/tcp`: number, local address, remote address, state, …, inode.
    pub(super) fn listener(line: &str, port: u16) -> Option<String> {
        const LISTENING: &str = "0A";
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, hexadecimal) = words.get(1)?.rsplit_once(':')?;
        let is_listening = words.get(3) == Some(&LISTENING) && u16::from_str_radix(hexadecimal, 16) == Ok(port);
        is_listening.then(|| words.get(9).map(|inode| (*inode).to_owned()))?
    }

    /// Whether a process has one of these sockets open.
    pub(super) fn has_socket(process: u32, inodes: &BTreeSet<String>) -> bool {
        let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().filter_map(Result::ok);
        let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        targets.into_iter().any(|target| {
            let target = target.to_string_lossy();
            target
                .strip_prefix("socket:[")
                .and_then(|rest| rest.strip_suffix(']'))
                .is_some_and(|inode| inodes.contains(inode))
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn listener_of_this_process_is_in_the_table_of_the_system() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inodes = linux::listeners(port);
        assert_eq!(inodes.len(), 1);
        assert!(linux::has_socket(std::process::id(), &inodes));
        // The unit tests have no mark, so that their listeners are not foreign.
        assert_eq!(foreign_owner_of_port(port, &Mark::new("ITEST_PROGRAM", "another")), None);
        drop(listener);
        assert!(linux::listeners(port).is_empty());
    }

    #[test]
    fn other_states_and_ports_are_no_listeners() {
        let line = |state: &str| {
            format!("0: 0100007F:1F90 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 4711 1")
        };
        assert_eq!(linux::listener(&line("0A"), 8080), Some("4711".to_owned()));
        assert_eq!(linux::listener(&line("01"), 8080), None);
        assert_eq!(linux::listener(&line("0A"), 8081), None);
        assert_eq!(linux::listener("sl  local_address rem_address   st", 8080), None);
    }
}
