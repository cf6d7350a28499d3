//! Tests of the cleaning on a real server: generated histories leave nothing, and each step of the cleaning is necessary for that.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ::redis::Client;

use super::*;
use crate::redis::programs::configuration;

#[expect(dead_code, reason = "the suite of the fixture uses the rest")]
#[path = "../../../tests/histories/mod.rs"]
mod generated;
#[expect(dead_code, reason = "the suite of the fixture uses the rest")]
#[path = "../../../tests/redis/snapshot.rs"]
mod snapshot;
#[path = "../../../tests/redis/statements.rs"]
mod statements;

use generated::History;
use snapshot::{Snapshot, differences, snapshot_of_server};

/// The number of histories after which nothing may differ. The suite of the fixture executes twice as many.
const HISTORIES: u64 = 200;

/// The number of histories after which a missing step must have been noticed.
const MAX_HISTORIES: u64 = 1_000;

/// How long a statement may take, because some commands block.
const TIMEOUT: Duration = Duration::from_millis(5);

/// How long a snapshot may take, because a paused server does not answer.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(1);

/// A server that is killed when this value is dropped.
struct TestServer {
    process: Child,
    folder: PathBuf,
    administrator: ServerUrl,
    /// The password of the tests.
    password: Password,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl TestServer {
    /// Starts a server, or returns `None` if Redis is not installed.
    async fn start() -> Option<Self> {
        let [administrator, password] = [Password::random().unwrap(), Password::random().unwrap()];
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("itest-cleaner-{}-{port}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        fs::write(folder.join("redis.conf"), configuration(&folder, &administrator, &password)).unwrap();
        let mut command = Command::new("redis-server");
        command.arg(folder.join("redis.conf")).args(["--port", &port.to_string()]).stdout(Stdio::null());
        let Ok(process) = command.spawn() else {
            fs::remove_dir_all(&folder).unwrap();
            let is_required =
                itest_runtime::__private::variable("ITEST_REQUIRE").is_some_and(|require| require == "all");
            assert!(!is_required, "redis-server is not installed (Debian: apt-get install redis-server)");
            return None;
        };
        let url = format!("redis://itest:{}@127.0.0.1:{port}/0", administrator.expose());
        let administrator = ServerUrl::new(&url).unwrap();
        let mut server = Self { process, folder, administrator, password };
        while open(&server.administrator, RESPONSE_TIMEOUT).await.is_err() {
            assert!(server.process.try_wait().unwrap().is_none(), "the server has ended");
            tokio::task::yield_now().await;
        }
        Some(server)
    }

    /// A connection of a test, or an error if the server refuses the password.
    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        open(&self.administrator.with_default_user(self.password.expose()), RESPONSE_TIMEOUT).await
    }

    async fn snapshot(&self) -> Result<Snapshot, String> {
        let snapshot = async { snapshot_of_server(&mut self.connection().await?).await };
        let snapshot = tokio::time::timeout(SNAPSHOT_TIMEOUT, snapshot).await;
        snapshot.map_err(|_| "the server does not answer".to_owned())?.map_err(|error| error.to_string())
    }

    /// Executes the statements of a history as a test. Some of its connections stay open.
    async fn execute(&self, history: &History) {
        for action in &history.actions {
            let Ok(mut connection) = self.connection().await else { return };
            for statement in &action.statements {
                let _ = tokio::time::timeout(TIMEOUT, command(statement).exec_async(&mut connection)).await;
            }
            std::mem::forget(connection);
        }
    }
}

/// The first difference that the next test sees after one of the histories, if the cleaning consists of these steps. `None` if there is none.
async fn first_difference(steps: &[Step], histories: u64) -> Option<String> {
    let mut number = 0;
    loop {
        let mut server = TestServer::start().await?;
        let mut cleaner = Cleaner::new(server.administrator.clone()).await.unwrap();
        cleaner.prepare(&server.password).await.unwrap();
        cleaner.steps = steps.to_vec();
        let fresh = server.snapshot().await.unwrap();
        // The loop ends when the server must be replaced.
        loop {
            number += 1;
            if number > histories {
                return None;
            }
            let history = History::draw(7, number, statements::STATEMENTS, |_, _| true);
            server.execute(&history).await;
            let earlier = server.administrator.with_default_user(server.password.expose());
            let next = Password::random().unwrap();
            match cleaner.clean(&next).await {
                Err(NotCleaned::Refused(error)) if error.is_timeout() && !pauses_all(&history) => {
                    return Some("the server does not answer".to_owned());
                }
                Err(_) => break,
                Ok(()) => {}
            }
            server.password = next;
            let difference = match server.snapshot().await {
                Ok(current) => differences(&fresh, &current).join("; "),
                Err(error) => error,
            };
            if !difference.is_empty() {
                return Some(format!("history {number}: {difference}"));
            }
            // The snapshot comes first, because the server counts a refused client until it has noticed that the client has left.
            if Client::open(earlier.expose()).unwrap().get_multiplexed_async_connection().await.is_ok() {
                return Some("a client of an earlier test can log in".to_owned());
            }
        }
    }
}

fn command(statement: &str) -> ::redis::Cmd {
    let words = statements::words(statement);
    let mut command = ::redis::cmd(&words[0]);
    command.arg(&words[1..]);
    command
}

/// A command that the server refuses changes nothing, so a history that contains it tests less than it seems to.
#[tokio::test]
async fn new_server_accepts_each_command_of_the_histories_that_is_not_listed_as_refused() {
    for statement in statements::STATEMENTS.iter().flat_map(|(_, statements)| *statements) {
        let Some(server) = TestServer::start().await else { return };
        let mut connection = server.connection().await.unwrap();
        let command = command(&statement.replace("$n", "1"));
        let executed = tokio::time::timeout(TIMEOUT, command.exec_async(&mut connection));
        // A command that blocks is accepted, and so is one that ends the connection.
        let error = executed.await.ok().and_then(Result::err).filter(|error| error.code().is_some());
        assert_eq!(error.is_some(), statements::REFUSED_ALONE.contains(statement), "{statement}: {error:?}");
    }
}

fn pauses_all(history: &History) -> bool {
    history.actions.iter().flat_map(|action| &action.statements).any(|statement| statement.ends_with(" ALL"))
}

#[tokio::test]
async fn next_test_sees_nothing_of_any_history() {
    assert_eq!(first_difference(&STEPS, HISTORIES).await, None);
}

#[tokio::test]
async fn each_step_of_the_cleaning_is_necessary() {
    if TestServer::start().await.is_none() {
        return;
    }
    for left_out in STEPS {
        let steps: Vec<_> = STEPS.into_iter().filter(|step| *step != left_out).collect();
        let difference = first_difference(&steps, MAX_HISTORIES).await;
        assert!(
            difference.is_some(),
            "without {left_out:?}, the next test sees no difference after {MAX_HISTORIES} histories"
        );
    }
}

#[test]
fn commands_with_an_unknown_effect_are_named() {
    let administration = ["acl|setuser", "config|set", "save"].map(str::to_owned).into();
    let read = |info| Called::read(info, &administration);
    let info = "# Commandstats\r\ncmdstat_acl|setuser:calls=1,usec=3\r\ncmdstat_slowlog|help:calls=1,usec=1\r\ncmdstat_set:calls=4,usec=1\r\n";
    let own = read(info);
    assert_eq!((own.is_complete, own.unknown.len()), (true, 0));
    let info = info.replace("setuser:calls=1", "setuser:calls=2").replace("_set:calls=4", "_save:calls=1");
    assert_eq!(read(&info).unknown, ["ACL SETUSER", "SAVE"]);
    let refused = "cmdstat_save:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\r\n";
    assert_eq!(read(refused), Called { effects: BTreeSet::new(), unknown: Vec::new(), is_complete: false });
    // A test has reset the counts, and then called what only the cleaning may call.
    let refused = "cmdstat_slowlog|help:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\r\n";
    assert!(!read(refused).is_complete);
}
