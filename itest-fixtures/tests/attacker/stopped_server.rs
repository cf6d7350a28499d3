//! A server whose process is stopped in the middle of a test.

use itest::prelude::*;

use crate::attacker::ATTACKED_RUN;

/// The shell that runs a wrapper script.
pub(crate) const SHELL: &str = "/bin/sh";

/// The process ids of the servers of this nested run that execute a program. The kernel cuts names off after 15 characters.
fn servers(program: &str) -> Result<Vec<String>> {
    let mark = format!("{ATTACKED_RUN}={}", std::env::var(ATTACKED_RUN)?);
    let is_server = |id: &str| {
        let read = |file: &str| std::fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
        let variables = String::from_utf8_lossy(&read("environ")).into_owned();
        read("comm").starts_with(program.as_bytes())
            // The name of a script's process is that of the script, but its program is the shell.
            && !read("cmdline").starts_with(SHELL.as_bytes())
            && variables.split('\0').any(|variable| variable == mark)
    };
    let processes = std::fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(processes.filter(|id| is_server(id)).collect())
}

/// Stops the server of this nested run. It neither answers nor ends.
pub(crate) fn stop_server(program: &str) -> Result<()> {
    let servers = servers(program)?;
    let [server] = &servers[..] else { return Err(itest::Error::new(format!("one server, not {servers:?}"))) };
    std::process::Command::new("kill").args(["-STOP", server]).status()?;
    Ok(())
}
