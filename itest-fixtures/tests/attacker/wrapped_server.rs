//! A server that is the child of a wrapper script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use itest::prelude::*;

use crate::attacker::run_attacked;
use crate::nested::Run;
use crate::stopped_server::SHELL;

/// Runs the nested tests that match `filter` with a server that is the child of a wrapper script. So itest sees that the server does not answer, but not that it
/// is stopped, as if the server had hung. `program` is the path of the server, and `variable` the one that names its provider.
pub(crate) async fn run_in_wrapper(filter: &str, program: &str, variable: &str) -> Result<Run> {
    let name = program.rsplit('/').next().unwrap_or_default();
    // If the tests run as root, the server has another account, which cannot read a `TempDir`.
    let folder = std::env::temp_dir().join(format!("wrapper-{name}-{}", std::process::id()));
    let run = async {
        write_wrapper(&folder, name, program)?;
        let path = format!("{}:{}", folder.display(), std::env::var("PATH")?);
        run_attacked(filter, &[(variable, "programs"), ("PATH", &path)]).await
    };
    let run = run.await;
    fs::remove_dir_all(&folder)?;
    run
}

fn write_wrapper(folder: &Path, name: &str, program: &str) -> Result<()> {
    let (wrapper, everyone) = (folder.join(name), fs::Permissions::from_mode(0o755));
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, everyone.clone())?;
    fs::write(&wrapper, format!("#!{SHELL}\n{program} \"$@\" &\nwait\n"))?;
    Ok(fs::set_permissions(wrapper, everyone)?)
}
