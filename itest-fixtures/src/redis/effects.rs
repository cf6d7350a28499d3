//! What a command leaves on a server besides keys and its own connection, as far as the cleaning after a test must know it.

use std::collections::BTreeSet;

/// What a command may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// Keys, statistics and the state of connections, which the cleaning always removes.
    AlwaysCleaned,
    /// Scripts in the cache of the server.
    Scripts,
    /// Functions.
    Functions,
    /// Changed settings.
    Settings,
    /// Effects that the cleaning cannot undo, such as users, modules, replication and files: the server is replaced.
    Unknown,
}

/// Commands of administration that change nothing, or only what the cleaning always restores: pauses, the logs of slow commands and of
/// latency, and the log of refused commands.
const HARMLESS: [&str; 21] = [
    "acl|cat",
    "acl|dryrun",
    "acl|genpass",
    "acl|getuser",
    "acl|help",
    "acl|list",
    "acl|log",
    "acl|users",
    "acl|whoami",
    "client|kill",
    "client|list",
    "client|no-evict",
    "client|pause",
    "client|unpause",
    "config|get",
    "config|help",
    // If a test has reset the statistics, the cleaning notices that, because its own last command is not counted.
    "config|resetstat",
    "lastsave",
    "module|list",
    "monitor",
    "role",
];

/// Groups of commands that are harmless as a whole.
const HARMLESS_GROUPS: [&str; 2] = ["latency|", "slowlog|"];

/// Commands that put scripts into the cache of the server.
const SCRIPTS: [&str; 5] = ["eval", "eval_ro", "evalsha", "evalsha_ro", "script|load"];

/// Commands that change the functions of the server.
const FUNCTIONS: [&str; 4] = ["function|delete", "function|flush", "function|load", "function|restore"];

/// What a command leaves. `administration` contains the commands that the server lists as administration.
pub(super) fn effect_of(command: &str, administration: &BTreeSet<String>) -> Effect {
    let is_harmless = HARMLESS.contains(&command) || HARMLESS_GROUPS.iter().any(|group| command.starts_with(group));
    match command {
        _ if SCRIPTS.contains(&command) => Effect::Scripts,
        _ if FUNCTIONS.contains(&command) => Effect::Functions,
        "config|set" => Effect::Settings,
        _ if administration.contains(command) && !is_harmless => Effect::Unknown,
        _ => Effect::AlwaysCleaned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlisted_command_of_administration_has_an_unknown_effect() {
        let administration = ["acl|setuser", "acl|list", "config|set", "slowlog|get", "new|command"];
        let administration = administration.map(str::to_owned).into();
        let effect = |command| effect_of(command, &administration);
        assert_eq!(effect("acl|setuser"), Effect::Unknown);
        assert_eq!(effect("new|command"), Effect::Unknown);
        assert_eq!(effect("acl|list"), Effect::AlwaysCleaned);
        assert_eq!(effect("slowlog|get"), Effect::AlwaysCleaned);
        assert_eq!(effect("config|set"), Effect::Settings);
        assert_eq!(effect("evalsha"), Effect::Scripts);
        assert_eq!(effect("function|load"), Effect::Functions);
        assert_eq!(effect("set"), Effect::AlwaysCleaned);
    }
}
