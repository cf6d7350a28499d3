//! Whether somebody looks at this process through a debugger.

/// True when a debugger is attached (Linux; elsewhere `--in-process` says so by hand).
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
    fn the_tracer_is_read_from_the_status() {
        assert!(is_traced("Name:\tx\nTracerPid:\t4711\n"));
        assert!(!is_traced("Name:\tx\nTracerPid:\t0\n"));
        assert!(!is_traced(""));
    }
}
