//! Cleans a private server after a test: one round trip, and another one only after commands that leave more than keys.
//!
//! The server counts the calls of each command. The cleaning resets these counts at its end, so the next cleaning reads which commands the
//! test has called, and undoes their effects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisError, RedisResult};

use super::address::ServerUrl;
use super::connection::open;
use super::effects::{Effect, effect_of};
use crate::service::password::Password;

/// The command that the cleaning calls last. If it was not counted, a test has reset the counts, and what it called is unknown. The user of
/// the tests has no right to call it.
pub(super) const LAST_COMMAND: &str = "slowlog|help";

/// The command with which the cleaning sets the password of the tests. It is counted once for each cleaning.
const SET_USER: &str = "acl|setuser";

/// A setting that cannot be restored: without it, a test could log in with any password until the next one is set.
const PASSWORD_SETTING: &str = "requirepass";

/// How long a server may take to answer. A server that takes longer is replaced, for example while a script runs or all clients are paused.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The settings of a server, by name.
type Settings = BTreeMap<String, String>;

/// A part of the cleaning. A test of the cleaning leaves out each part in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Sets another password for the tests, so that a client which outlives its test cannot come back.
    Password,
    /// Ends all connections, also those that subscribe, block or monitor.
    Connections,
    /// Ends a pause of all clients.
    Pause,
    /// Removes all keys of all databases.
    Keys,
    /// Empties the logs of slow commands, latency and refused commands.
    Logs,
    /// Resets the statistics.
    Statistics,
    /// Empties the cache of scripts.
    Scripts,
    /// Removes the functions.
    Functions,
    /// Restores the settings.
    Settings,
    /// Requests a new server after a command whose effects cannot be undone.
    Replacement,
}

/// All parts of the cleaning.
const STEPS: [Step; 10] = [
    Step::Password,
    Step::Connections,
    Step::Pause,
    Step::Keys,
    Step::Logs,
    Step::Statistics,
    Step::Scripts,
    Step::Functions,
    Step::Settings,
    Step::Replacement,
];

/// Why a server cannot be cleaned, so that it must be replaced.
#[derive(Debug)]
pub(super) enum NotCleaned {
    /// The test has called commands whose effects cannot be undone.
    Commands(String),
    /// The test has reset the counts of commands.
    ResetStatistics,
    /// These settings cannot be restored.
    Settings(String),
    /// The server does not answer, or refuses a command of the cleaning.
    Refused(RedisError),
}

impl From<RedisError> for NotCleaned {
    fn from(error: RedisError) -> Self {
        Self::Refused(error)
    }
}

impl NotCleaned {
    /// Whether the server may have ended.
    pub(super) fn may_have_ended(&self) -> bool {
        matches!(self, Self::Refused(error) if is_lost(error))
    }

    /// The reason. Its text is the same for all tests that do the same, because the summary of the run counts equal reasons.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Commands(commands) => format!("the effects of {commands} cannot be undone"),
            Self::ResetStatistics => "after CONFIG RESETSTAT, the commands of the test are unknown".to_owned(),
            Self::Settings(names) => format!("the settings {names} cannot be restored"),
            Self::Refused(error) => format!("the server cannot be cleaned: {error}"),
        }
    }
}

/// Cleans one server. It has its own connection and its own user, which a test does not know.
pub(super) struct Cleaner {
    url: ServerUrl,
    connection: MultiplexedConnection,
    /// The settings of the new server.
    settings: Settings,
    /// The commands that the server lists as administration.
    administration: BTreeSet<String>,
    steps: Vec<Step>,
}

impl Cleaner {
    /// Prepares the cleaning of a new server. `url` has the user and the password of the administrator.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn new(url: ServerUrl) -> RedisResult<Self> {
        let mut connection = open(&url, RESPONSE_TIMEOUT).await?;
        let list = ::redis::cmd("COMMAND").arg(&["LIST", "FILTERBY", "ACLCAT", "admin"]).clone();
        let administration = list.query_async(&mut connection).await?;
        let settings = read_settings(&mut connection).await?;
        Ok(Self { url, connection, settings, administration, steps: STEPS.to_vec() })
    }

    fn includes(&self, step: Step) -> bool {
        self.steps.contains(&step)
    }

    /// Prepares the server for its first test, which logs in with this password.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn prepare(&mut self, password: &Password) -> RedisResult<()> {
        self.clean_always(password).await.map(drop)
    }

    /// Removes everything that a test has left. The next test logs in with this password.
    ///
    /// # Errors
    ///
    /// The reason why the server must be replaced.
    pub(super) async fn clean(&mut self, password: &Password) -> Result<(), NotCleaned> {
        let calls = match self.clean_always(password).await {
            // The test may have ended all connections of the server, also this one.
            Err(error) if is_lost(&error) => {
                self.connection = open(&self.url, RESPONSE_TIMEOUT).await?;
                self.clean_always(password).await?
            }
            calls => calls?,
        };
        let called = Called::read(&calls, &self.administration);
        if self.includes(Step::Replacement) {
            if !called.is_complete {
                return Err(NotCleaned::ResetStatistics);
            }
            if !called.unknown.is_empty() {
                return Err(NotCleaned::Commands(called.unknown.join(", ")));
            }
        }
        self.undo(&called.effects).await
    }

    /// The part of the cleaning that is the same after every test. Returns the counts of the commands.
    async fn clean_always(&mut self, password: &Password) -> RedisResult<String> {
        let mut pipe = ::redis::pipe();
        let mut add = |step: Step, commands: &[&[&str]]| {
            if self.steps.contains(&step) {
                for command in commands {
                    pipe.add_command(::redis::cmd(command[0]).arg(&command[1..]).clone()).ignore();
                }
            }
        };
        let password = format!(">{}", password.expose());
        // The order matters: the password is changed before the connections are ended, so that no client can log in again, and the keys are
        // removed when no client is left.
        add(Step::Password, &[&["ACL", "SETUSER", "default", "resetpass", &password]]);
        add(
            Step::Connections,
            &[
                &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
                &["CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes"],
                &["CLIENT", "KILL", "TYPE", "replica", "SKIPME", "yes"],
            ],
        );
        add(Step::Pause, &[&["CLIENT", "UNPAUSE"]]);
        add(Step::Keys, &[&["FLUSHALL", "SYNC"]]);
        pipe.cmd("INFO").arg("commandstats");
        self.add_reset(&mut pipe);
        let (calls,) = pipe.query_async(&mut self.connection).await?;
        Ok(calls)
    }

    /// Undoes what the commands of a test have left beyond keys.
    async fn undo(&mut self, effects: &BTreeSet<Effect>) -> Result<(), NotCleaned> {
        let mut pipe = ::redis::pipe();
        if effects.contains(&Effect::Scripts) && self.includes(Step::Scripts) {
            pipe.cmd("SCRIPT").arg("FLUSH").arg("SYNC").ignore();
        }
        if effects.contains(&Effect::Functions) && self.includes(Step::Functions) {
            pipe.cmd("FUNCTION").arg("FLUSH").arg("SYNC").ignore();
        }
        if effects.contains(&Effect::Settings) && self.includes(Step::Settings) {
            self.restore_settings().await?;
        } else if pipe.is_empty() {
            return Ok(());
        }
        self.add_reset(&mut pipe);
        pipe.exec_async(&mut self.connection).await?;
        Ok(())
    }

    /// Empties the logs and resets the statistics, and then calls the last command.
    fn add_reset(&self, pipe: &mut ::redis::Pipeline) {
        if self.includes(Step::Logs) {
            pipe.cmd("SLOWLOG").arg("RESET").ignore();
            pipe.cmd("LATENCY").arg("RESET").ignore();
            pipe.cmd("ACL").arg("LOG").arg("RESET").ignore();
        }
        if self.includes(Step::Statistics) {
            pipe.cmd("CONFIG").arg("RESETSTAT").ignore();
        }
        pipe.cmd("SLOWLOG").arg("HELP").ignore();
    }

    async fn restore_settings(&mut self) -> Result<(), NotCleaned> {
        let changed = self.changed_settings().await?;
        if changed.is_empty() {
            return Ok(());
        }
        if changed.iter().any(|name| name == PASSWORD_SETTING) {
            return Err(NotCleaned::Settings(PASSWORD_SETTING.to_owned()));
        }
        let mut set = ::redis::cmd("CONFIG");
        set.arg("SET");
        for name in &changed {
            set.arg(name).arg(self.settings.get(name));
        }
        let restored = set.exec_async(&mut self.connection).await;
        // Some settings accept a value and change it, so the values are compared again.
        let changed = if restored.is_ok() { self.changed_settings().await? } else { changed };
        if changed.is_empty() { Ok(()) } else { Err(NotCleaned::Settings(changed.join(", "))) }
    }

    async fn changed_settings(&mut self) -> RedisResult<Vec<String>> {
        let current = read_settings(&mut self.connection).await?;
        let is_changed = |name: &&String| self.settings.get(*name) != current.get(*name);
        Ok(self.settings.keys().filter(is_changed).cloned().collect())
    }
}

/// Whether the connection has ended.
fn is_lost(error: &RedisError) -> bool {
    !error.is_timeout() && (error.is_connection_dropped() || error.is_io_error())
}

async fn read_settings(connection: &mut MultiplexedConnection) -> RedisResult<Settings> {
    ::redis::cmd("CONFIG").arg("GET").arg("*").query_async(connection).await
}

/// What the commands that a test has called may have left.
#[derive(Debug, PartialEq, Eq)]
struct Called {
    effects: BTreeSet<Effect>,
    /// The commands with an unknown effect, as a user writes them.
    unknown: Vec<String>,
    /// Whether the counts contain all calls since the last cleaning.
    is_complete: bool,
}

impl Called {
    /// Reads `INFO commandstats`: a line `cmdstat_config|set:calls=1,usec=…` for each command.
    fn read(info: &str, administration: &BTreeSet<String>) -> Self {
        let mut called = Self { effects: BTreeSet::new(), unknown: Vec::new(), is_complete: false };
        for line in info.lines() {
            let Some((command, calls)) = count(line) else { continue };
            // A refused call changes nothing and is not counted, but the server lists its command, with zero calls.
            called.is_complete |= command == LAST_COMMAND && calls > 0;
            // One call is that of the cleaning, which has set the password.
            let own = u64::from(command == SET_USER);
            if calls <= own {
                continue;
            }
            let effect = effect_of(command, administration);
            called.effects.insert(effect);
            if effect == Effect::Unknown {
                called.unknown.push(command.replace('|', " ").to_uppercase());
            }
        }
        called
    }
}

/// The command and the number of its calls in a line of `INFO commandstats`.
fn count(line: &str) -> Option<(&str, u64)> {
    let (command, counts) = line.strip_prefix("cmdstat_")?.split_once(':')?;
    let calls = counts.strip_prefix("calls=")?.split(',').next()?.parse().ok()?;
    Some((command, calls))
}

#[cfg(test)]
mod tests;
