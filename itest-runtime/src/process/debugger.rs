//! Detects whether a debugger is attached to this process.

/// Whether a debugger is attached to this process. Always false outside of Linux, where the user passes `--in-process`.
#[must_use]
pub(crate) fn debugger_attached() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| is_traced(&status))
}

fn is_traced(status: &str) -> bool {
    status.lines().find_map(|line| line.strip_prefix("TracerPid:")).is_some_and(|tracer| tracer.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonzero_tracer_pid_means_traced() {
        assert!(is_traced("Name:\tx\nTracerPid:\t4711\n"));
        assert!(!is_traced("Name:\tx\nTracerPid:\t0\n"));
        assert!(!is_traced(""));
    }
}
