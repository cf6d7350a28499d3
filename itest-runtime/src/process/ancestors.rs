//! The command lines of the processes that this one descends from.

/// The command line, word by word, of the nearest ancestor whose program has this name.
#[must_use]
pub(crate) fn command_line_of_ancestor(program: &str) -> Option<Vec<String>> {
    let mut pid = rustix::process::getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())?;
    while pid > 1 {
        let (parent, words) = look_up(pid)?;
        if words.first().is_some_and(|path| path.rsplit('/').next() == Some(program)) {
            return Some(words);
        }
        pid = parent;
    }
    None
}

/// A process's parent and its command line.
#[cfg(target_os = "linux")]
fn look_up(pid: u32) -> Option<(u32, Vec<String>)> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line);
    let words = line.strip_suffix('\0').unwrap_or(&line).split('\0').map(str::to_owned).collect();
    Some((super::identity::parent_of(pid)?, words))
}

/// A process's parent and its command line. `ps` does not say where a word with blanks in it ends.
#[cfg(not(target_os = "linux"))]
fn look_up(pid: u32) -> Option<(u32, Vec<String>)> {
    let told = std::process::Command::new("ps").args(["-o", "ppid=,args=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let mut words = text.split_whitespace().map(str::to_owned);
    Some((words.next()?.parse().ok()?, words.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_that_is_no_ancestor_has_no_command_line() {
        assert_eq!(command_line_of_ancestor("no-program-has-this-name"), None);
    }
}
