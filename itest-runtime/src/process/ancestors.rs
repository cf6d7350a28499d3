//! The command lines of the ancestors of this process.

/// The command line of the nearest ancestor whose program has this name, one element for each argument.
#[must_use]
pub(crate) fn command_line_of_ancestor(program: &str) -> Option<Vec<String>> {
    let mut pid = rustix::process::getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())?;
    while pid > 1 {
        let (parent, words) = parent_and_command_line(pid)?;
        if words.first().is_some_and(|path| path.rsplit('/').next() == Some(program)) {
            return Some(words);
        }
        pid = parent;
    }
    None
}

/// The parent and the command line of a process.
#[cfg(target_os = "linux")]
fn parent_and_command_line(pid: u32) -> Option<(u32, Vec<String>)> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line);
    let words = line.strip_suffix('\0').unwrap_or(&line).split('\0').map(str::to_owned).collect();
    Some((super::identity::parent_of(pid)?, words))
}

/// The parent and the command line of a process. An argument with spaces becomes several elements, because `ps` does not quote.
#[cfg(not(target_os = "linux"))]
fn parent_and_command_line(pid: u32) -> Option<(u32, Vec<String>)> {
    let output = std::process::Command::new("ps").args(["-o", "ppid=,args=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
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
