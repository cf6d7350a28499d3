//! Removes the segment of System V shared memory that a killed server leaves behind. The segment belongs to the operating system, so the
//! removal of the server's folder does not remove it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long the session processes of a killed server may take to notice its end and detach from the segment.
const DETACH_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two checks whether they have detached.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Removes the segment that the server of a data directory has recorded, as soon as no process uses it.
pub(super) async fn remove(data: &Path) {
    let Some(segment) = fs::read_to_string(data.join("postmaster.pid")).ok().and_then(|pid_file| segment_in(&pid_file))
    else {
        return;
    };
    let since = Instant::now();
    while let Some(processes) =
        fs::read_to_string("/proc/sysvipc/shm").ok().and_then(|all| attached_processes(&all, segment))
    {
        if processes == 0 {
            let _ = Command::new("ipcrm").args(["-m", &segment.1.to_string()]).output();
            return;
        }
        if since.elapsed() > DETACH_TIMEOUT {
            return;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The key and the id of the segment, from the seventh line of `postmaster.pid`.
fn segment_in(pid_file: &str) -> Option<(i64, i64)> {
    let mut numbers = pid_file.lines().nth(6)?.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The number of processes attached to a segment, if it exists. The key is compared too, because the system may have given the id to
/// another segment.
fn attached_processes(all: &str, (key, id): (i64, i64)) -> Option<u64> {
    let line = all.lines().skip(1).find(|line| {
        let mut words = line.split_whitespace().map(|word| word.parse().ok());
        words.next() == Some(Some(key)) && words.next() == Some(Some(id))
    })?;
    line.split_whitespace().nth(6)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_is_identified_by_its_key_and_its_id() {
        let pid_file = "123\n/dev/shm/data\n1700000000\n5432\n/dev/shm\n\n   729190        50\nready   \n";
        let segment = segment_in(pid_file).unwrap();
        assert_eq!(segment, (729_190, 50));
        let all = "       key      shmid perms                  size  cpid  lpid nattch   uid\n\
                   \x20   729190         51   600                    56    77    78      3   104\n\
                   \x20   729190         50   600                    56    77    78      2   104\n";
        assert_eq!(attached_processes(all, segment), Some(2));
        assert_eq!(attached_processes(all, (1, 50)), None);
        assert_eq!(segment_in("123\n"), None);
    }
}
