//! The segment of shared memory that a server leaves when it is killed: it belongs to the system and not to the server's folder.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long sessions of a killed server may take until they notice.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often they are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(5);

/// Removes the segment that a cluster's server has noted, when nobody uses it any more.
pub(super) async fn remove(data: &Path) {
    let Some(segment) = fs::read_to_string(data.join("postmaster.pid")).ok().and_then(|note| noted(&note)) else {
        return;
    };
    let since = Instant::now();
    while let Some(users) = fs::read_to_string("/proc/sysvipc/shm").ok().and_then(|all| users(&all, segment)) {
        if users == 0 {
            let _ = Command::new("ipcrm").args(["-m", &segment.1.to_string()]).output();
            return;
        }
        if since.elapsed() > PATIENCE {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Key and number of the segment, from the seventh line of the server's note.
fn noted(note: &str) -> Option<(i64, i64)> {
    let mut numbers = note.lines().nth(6)?.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// How many processes use a segment, if it is there; its number may be that of another one by now, its key is not.
fn users(all: &str, (key, number): (i64, i64)) -> Option<u64> {
    let line = all.lines().skip(1).find(|line| {
        let mut words = line.split_whitespace().map(|word| word.parse().ok());
        words.next() == Some(Some(key)) && words.next() == Some(Some(number))
    })?;
    line.split_whitespace().nth(6)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_found_by_its_key_and_its_number() {
        let note = "123\n/dev/shm/data\n1700000000\n5432\n/dev/shm\n\n   729190        50\nready   \n";
        let segment = noted(note).unwrap();
        assert_eq!(segment, (729_190, 50));
        let all = "       key      shmid perms                  size  cpid  lpid nattch   uid\n\
                   \x20   729190         51   600                    56    77    78      3   104\n\
                   \x20   729190         50   600                    56    77    78      2   104\n";
        assert_eq!(users(all, segment), Some(2));
        assert_eq!(users(all, (1, 50)), None);
        assert_eq!(noted("123\n"), None);
    }
}
