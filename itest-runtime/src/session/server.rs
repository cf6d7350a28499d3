//! The session's server: keeps session fixtures, hands out locks, executes the ledgers of the dead, and ends with the run.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::UnixListener as Listener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::build::build;
use super::connection::accept;
use super::fixtures::Holder;
use super::folder::SessionFolder;
use super::heard::{Connection, Context, Heard, Made};
use super::recover::{end_workers, recover_ledger};
use super::wire::{Reply, Request};
use crate::inject::{Caught, Error, FixtureDescriptor, Ledger, Registry, install_panic_hook};
use crate::model::{HarnessError, Limits, PATIENCE, Problem, Recovered, SessionConfig, SessionEnd};
use crate::plan::LockQueue;
use crate::process::{adopt_orphans, is_alive, kill_all_children, wait_for_end};

/// How often fixtures are looked at that are being made.
const LOOK: Duration = Duration::from_millis(100);

/// Threads of the fixtures' runtime.
const THREADS: usize = 2;

#[derive(Debug)]
enum Fixture {
    Making(Vec<oneshot::Sender<Reply>>),
    Told(Reply),
}

/// Runs this process as a session's server, to the session's end.
///
/// # Errors
///
/// When the process was not started as one, or the system has nothing left.
pub(crate) fn serve_session(registry: &Registry, folder: PathBuf) -> Result<(), HarnessError> {
    let folder = SessionFolder::at(folder);
    let begin = || -> io::Result<_> {
        let listener = UnixListener::from(io::stdin().as_fd().try_clone_to_owned()?);
        let lock = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        rustix::stdio::dup2_stdout(io::stderr())?;
        listener.set_nonblocking(true)?;
        let config = folder.config()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("itest-runtime")
            .enable_all()
            .build()?;
        Ok((listener, lock, config, runtime))
    };
    let (listener, lock, config, runtime) =
        begin().map_err(HarnessError::io("serve a session (its server is started by the harness, not by hand)"))?;
    install_panic_hook();
    adopt_orphans();
    #[cfg(feature = "tracing")]
    crate::process::show_trace(&config.log);
    let served = runtime.block_on(async { Server::start(registry, folder, listener, config)?.run().await });
    // Daemons of fixtures, and what else nobody has ended.
    kill_all_children();
    served.map_err(HarnessError::io("serve the session"))?;
    // A fixture's thread that hangs does not keep the process.
    runtime.shutdown_background();
    drop(lock);
    Ok(())
}

struct Server<'r> {
    registry: &'r Registry,
    folder: SessionFolder,
    context: Context,
    build: u64,
    heard: (mpsc::UnboundedSender<Heard>, mpsc::UnboundedReceiver<Heard>),
    fixtures: HashMap<u64, Fixture>,
    /// In the order in which they were begun; what one of them asks for is begun after it, and ready before.
    holders: Vec<Holder>,
    /// In the order in which they became ready.
    ready: Vec<u64>,
    leases: HashMap<Connection, String>,
    /// Who keeps what failed tests have taken.
    keepers: HashSet<Connection>,
    locks: LockQueue<Connection>,
    lock_replies: HashMap<Connection, oneshot::Sender<Reply>>,
    recoveries: JoinSet<Recovered>,
    end: SessionEnd,
}

impl<'r> Server<'r> {
    fn start(
        registry: &'r Registry,
        folder: SessionFolder,
        listener: UnixListener,
        config: SessionConfig,
    ) -> io::Result<Self> {
        let heard = mpsc::unbounded_channel();
        tokio::spawn(accept(Listener::from_std(listener)?, heard.0.clone()));
        let owner = config.owner;
        let over = heard.0.clone();
        std::thread::Builder::new().name("itest-watch".to_owned()).spawn(move || {
            wait_for_end(owner);
            let _ = over.send(Heard::Over);
        })?;
        let mut terminate = signal(SignalKind::terminate())?;
        // What the terminal says to its processes is not for this one.
        let (mut hangup, mut interrupt) = (signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?);
        let over = heard.0.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => break,
                    _ = hangup.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            let _ = over.send(Heard::Over);
        });
        let own = folder.clone();
        let ledger = Ledger::new(move || own.open_ledger("server").map_err(Error::from));
        Ok(Self {
            registry,
            folder,
            context: Context { config, ledger },
            build: build()?,
            heard,
            fixtures: HashMap::new(),
            holders: Vec::new(),
            ready: Vec::new(),
            leases: HashMap::new(),
            keepers: HashSet::new(),
            locks: LockQueue::default(),
            lock_replies: HashMap::new(),
            recoveries: JoinSet::new(),
            end: SessionEnd::default(),
        })
    }

    async fn run(mut self) -> io::Result<()> {
        let mut asked_to_finish = None;
        let mut is_over = false;
        while !is_over || !self.keepers.is_empty() {
            tokio::select! {
                Some(heard) = self.heard.1.recv() => match heard {
                    Heard::Over => is_over = true,
                    Heard::Asked(client, Request::Finish, reply) if self.keepers.is_empty() => {
                        asked_to_finish = Some((client, reply));
                        is_over = true;
                    }
                    Heard::Asked(_, Request::Finish, reply) => {
                        is_over = true;
                        let _ = reply.send(Reply::Finished(std::mem::take(&mut self.end)));
                    }
                    heard => self.hear(heard),
                },
                Some(Ok(recovered)) = self.recoveries.join_next() => self.end.recovered.add(recovered),
                () = tokio::time::sleep(LOOK), if self.is_making() => self.give_up_blocked_setups(),
            }
        }
        self.wait_for_clients().await;
        if asked_to_finish.is_none() && !is_alive(self.context.config.owner) {
            end_workers(&self.folder, self.context.config.limits.teardown).await;
        }
        self.unwind_fixtures().await;
        self.recover_the_rest().await;
        if self.end.recovered.left == 0 {
            self.folder.remove()?;
        }
        if let Some((client, reply)) = asked_to_finish {
            let _ = reply.send(Reply::Finished(std::mem::take(&mut self.end)));
            // Until whoever asked has read the answer: with this process the connection ends.
            let _ = tokio::time::timeout(PATIENCE, async {
                while let Some(heard) = self.heard.1.recv().await {
                    if matches!(heard, Heard::Gone(gone) if gone == client) {
                        break;
                    }
                }
            })
            .await;
        }
        Ok(())
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Asked(_, Request::Fetch { build, .. }, reply) if build != self.build => {
                let _ = reply.send(Reply::OtherBuild);
            }
            Heard::Asked(_, Request::Fetch { fixture, .. }, reply) => match self.registry.session_fixture(fixture) {
                Some(fixture) => self.fetch(fixture, reply),
                None => drop(reply.send(Reply::OtherBuild)),
            },
            Heard::Needed(fixture, reply) => self.fetch(fixture, reply),
            Heard::Made(key, made) => self.tell(key, made),
            Heard::Asked(client, Request::Lease { ledger }, _) => {
                self.leases.insert(client, ledger);
            }
            Heard::Asked(client, Request::Lock { locks }, reply) => {
                self.locks.join(client, locks);
                self.lock_replies.insert(client, reply);
                self.grant();
            }
            Heard::Asked(client, Request::Keep, reply) => {
                self.keepers.insert(client);
                let _ = reply.send(Reply::Granted);
            }
            Heard::Gone(client) => {
                self.keepers.remove(&client);
                self.locks.leave(client);
                self.lock_replies.remove(&client);
                self.grant();
                if let Some(ledger) = self.leases.remove(&client) {
                    let (path, limit) = (self.folder.ledger(&ledger), self.context.config.limits.teardown);
                    self.recoveries.spawn(async move {
                        // What is left then is tried once more at the session's end, and counted there.
                        Recovered { left: 0, ..recover_ledger(&path, limit, None).await }
                    });
                }
            }
            Heard::Asked(_, Request::Finish, _) | Heard::Over => {}
        }
    }

    fn fetch(&mut self, fixture: &'static FixtureDescriptor, reply: oneshot::Sender<Reply>) {
        match self.fixtures.get_mut(&fixture.key()) {
            Some(Fixture::Making(waiting)) => waiting.push(reply),
            Some(Fixture::Told(told)) => drop(reply.send(told.clone())),
            None => {
                self.fixtures.insert(fixture.key(), Fixture::Making(vec![reply]));
                match Holder::start(fixture, self.context.clone(), self.heard.0.clone()) {
                    Ok(holder) => self.holders.push(holder),
                    Err(error) => {
                        let problem = Problem::new(format!("no thread can be had: {error}"));
                        self.tell(fixture.key(), Err(Caught::Panic(problem)));
                    }
                }
            }
        }
    }

    fn tell(&mut self, key: u64, made: Result<Made, Caught>) {
        let told = match made {
            Ok(Made { value, remark }) => {
                self.end.used.extend(remark);
                Reply::Value(value)
            }
            Err(Caught::Skip(reason)) => Reply::Skipped(reason),
            Err(Caught::Panic(problem)) => Reply::Failed(self.with_log(problem)),
        };
        // One that was given up, and comes after all, is told to nobody.
        let Some(Fixture::Making(waiting)) = self.fixtures.get_mut(&key) else { return };
        for reply in std::mem::take(waiting) {
            let _ = reply.send(told.clone());
        }
        self.fixtures.insert(key, Fixture::Told(told));
        self.ready.push(key);
    }

    /// What a fixture printed before it failed says more than its error.
    fn with_log(&self, problem: Problem) -> Problem {
        match self.folder.end_of_log() {
            log if log.is_empty() => problem,
            log => {
                let output = log.replace('\n', "\n| ");
                Problem { message: format!("{}\nthe session's output:\n| {output}", problem.message), ..problem }
            }
        }
    }

    fn grant(&mut self) {
        while let Some(client) = self.locks.next() {
            if let Some(reply) = self.lock_replies.remove(&client) {
                let _ = reply.send(Reply::Granted);
            }
        }
    }

    /// The run's processes give back what they hold; those that take too long are given up.
    async fn wait_for_clients(&mut self) {
        let limits = self.context.config.limits;
        let patience = limits.teardown + PATIENCE;
        let _ = tokio::time::timeout(patience, async {
            while !self.leases.is_empty() || self.is_making() {
                match tokio::time::timeout(LOOK, self.heard.1.recv()).await {
                    Ok(Some(heard)) => self.hear(heard),
                    Ok(None) => break,
                    Err(_) => self.give_up_blocked_setups(),
                }
            }
        })
        .await;
        while let Some(recovered) = self.recoveries.join_next().await {
            self.end.recovered.add(recovered.unwrap_or_default());
        }
    }

    /// A setup that blocks its thread cannot be cut off. Its tests are told, and the session goes on without it; should it end
    /// after all, it finds nobody waiting, and gives back what it took.
    fn give_up_blocked_setups(&mut self) {
        let limit = self.context.config.limits.setup;
        let fixtures = &self.fixtures;
        let is_blocked = |holder: &mut Holder| {
            let is_making = matches!(fixtures.get(&holder.fixture.key()), Some(Fixture::Making(_)));
            is_making && holder.step.elapsed() > limit + Limits::GRACE
        };
        let blocked: Vec<Holder> = self.holders.extract_if(.., is_blocked).collect();
        for Holder { fixture, .. } in blocked {
            let message = format!("its setup did not end within {limit:?}, and blocks its thread; it is given up");
            self.tell(fixture.key(), Err(Caught::Panic(Problem::new(message))));
        }
    }

    fn is_making(&self) -> bool {
        self.fixtures.values().any(|fixture| matches!(fixture, Fixture::Making(_)))
    }

    /// Last made, first given back.
    async fn unwind_fixtures(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        let mut holders = std::mem::take(&mut self.holders);
        let position = |key: &u64| ready.iter().position(|ready| ready == key);
        holders.sort_by_key(|holder| std::cmp::Reverse(position(&holder.fixture.key())));
        for holder in holders {
            let name = holder.fixture.short_name();
            if let Some(problems) = holder.unwind(self.context.config.limits.teardown).await {
                let told = problems.into_iter();
                let told = told.map(|told| format!("{name}: {}: {}", told.what, told.problem.message));
                self.end.recovered.problems.extend(told);
            } else {
                let told = "a step of its teardown blocks its thread beyond its limit; it is given up";
                self.end.recovered.problems.push(format!("{name}: {told}"));
            }
        }
        if let Err(problem) = self.context.ledger.close() {
            self.end.recovered.problems.push(problem.message);
        }
    }

    /// What nobody gave back, also this process.
    async fn recover_the_rest(&mut self) {
        for ledger in self.folder.ledgers() {
            let recovered = recover_ledger(&ledger, self.context.config.limits.teardown, None).await;
            self.end.recovered.add(recovered);
        }
    }
}
