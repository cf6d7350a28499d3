//! The virtual hosts of a worker, which its tests use one after the other.

use std::fmt;
use std::io::Write as _;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use itest_runtime::{Error, Teardown, TestInfo};

use super::management::Management;
use super::service::{RabbitService, alarm_of, amqp_address, management_of};
use super::topology::Topology;
use super::url::url_of;
use super::virtual_host::{Cleaned, VirtualHost, remove_virtual_hosts};
use crate::failure::with_action;
use crate::itest::{fixture, teardown};
use crate::service::{Address, RunServer, Service as _};

/// How long the server may take until it is replaced after its end.
const REPLACEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause between two checks whether the new server answers.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The virtual hosts of a worker, all with the same topology.
pub(crate) struct VirtualHosts<T> {
    shared: Arc<Shared>,
    topology: PhantomData<fn() -> T>,
}

struct Shared {
    address: Address,
    state: Mutex<State>,
}

struct State {
    management: Management,
    /// The beginning of the names of the virtual hosts.
    prefix: String,
    /// How many virtual hosts were made.
    made: u32,
    /// The clean virtual hosts that no test uses.
    idle: Vec<Arc<VirtualHost>>,
    /// The process of the private server that has the virtual hosts. Another process has none of them.
    process: Option<Pid>,
}

/// The ledger's entry for the virtual hosts of a worker.
#[derive(Debug, Serialize, Deserialize)]
struct Leftovers {
    address: Address,
    prefix: String,
}

/// Removes the virtual hosts of a worker, and their users.
#[teardown(crate = crate::itest)]
async fn remove_rabbitmq_virtual_hosts(leftovers: Leftovers) -> Result<(), Error> {
    let Leftovers { address, prefix } = leftovers;
    // A private server that has ended has nothing any more.
    if address.has_ended() {
        return Ok(());
    }
    remove_virtual_hosts(&mut management_of(&address)?, &prefix).await
}

impl<T> Clone for VirtualHosts<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), topology: PhantomData }
    }
}

impl<T> fmt::Debug for VirtualHosts<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VirtualHosts")
    }
}

/// A virtual host that a test has until its teardown.
#[derive(Clone)]
pub(super) struct LeasedVirtualHost {
    shared: Arc<Shared>,
    virtual_host: Arc<VirtualHost>,
    process: Option<Pid>,
}

impl LeasedVirtualHost {
    pub(super) fn virtual_host(&self) -> &VirtualHost {
        &self.virtual_host
    }

    /// The address of the server.
    pub(super) fn server(&self) -> &Address {
        &self.shared.address
    }

    /// The text about an alarm of the server, which accepts no messages then. `None` if there is no alarm, or if the server does not answer.
    pub(super) async fn alarm(&self) -> Option<String> {
        let mut state = self.shared.state.lock().await;
        alarm_of(&state.management.alarms().await.ok()?)
    }

    /// The first messages of each queue that may contain dead letters, as the management API writes them.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn possible_dead_letters(&self) -> Result<Vec<serde_json::Value>, Error> {
        let mut state = self.shared.state.lock().await;
        let mut messages = Vec::new();
        for queue in self.virtual_host.queues_for_dead_letters(&mut state.management).await? {
            messages.append(&mut self.virtual_host.peek(&mut state.management, &queue).await?);
        }
        Ok(messages)
    }
}

impl<T: Topology> VirtualHosts<T> {
    /// The virtual hosts of a server, none of which exists yet. Their names begin with a prefix.
    ///
    /// # Errors
    ///
    /// When the address of the server is wrong.
    pub(super) fn on(address: Address, prefix: String) -> Result<Self, Error> {
        let management = management_of(&address)?;
        let state = Mutex::new(State { management, prefix, made: 0, idle: Vec::new(), process: None });
        Ok(Self { shared: Arc::new(Shared { address, state }), topology: PhantomData })
    }

    /// Leases a clean virtual host to a test until its teardown.
    ///
    /// # Errors
    ///
    /// When no virtual host can be made.
    pub(super) async fn lease(&self, info: &TestInfo, teardown: &Teardown) -> Result<LeasedVirtualHost, Error> {
        let leased = self.take().await?;
        let (returned, info) = (leased.clone(), info.clone());
        teardown.defer("clean the virtual host of RabbitMQ", async move { give_back(returned, &info).await });
        Ok(leased)
    }

    /// Takes a clean virtual host out of those that no test uses.
    ///
    /// # Errors
    ///
    /// When no virtual host can be made.
    pub(super) async fn take(&self) -> Result<LeasedVirtualHost, Error> {
        let mut state = self.shared.state.lock().await;
        let process = self.shared.process_that_answers(state.process).await?;
        if state.process != process {
            state.idle.clear();
            // A new server has another password.
            state.management = management_of(&self.shared.address)?;
            state.process = process;
        }
        let virtual_host = match state.idle.pop() {
            Some(virtual_host) => virtual_host,
            None => Arc::new(self.make(&mut state).await?),
        };
        drop(state);
        Ok(LeasedVirtualHost { shared: Arc::clone(&self.shared), virtual_host, process })
    }

    async fn make(&self, state: &mut State) -> Result<VirtualHost, Error> {
        state.made += 1;
        let name = format!("{}{}", state.prefix, state.made);
        let server = amqp_address(&self.shared.address)?;
        let virtual_host = VirtualHost::make(name, &mut state.management).await?;
        if let Err(error) = T::declare(&url_of(&server.place(), &virtual_host)).await {
            // Each test of the suite gets here, and would leave another virtual host until the end of the worker.
            virtual_host.remove(&mut state.management).await?;
            return Err(with_action("declare the topology of RabbitMQ", &error.to_string()));
        }
        virtual_host.with_present_definitions(&mut state.management).await
    }
}

impl Shared {
    /// The process of a private server, or `None` for another server. It waits until a server that has ended is replaced. The process of the last lease has
    /// answered then.
    async fn process_that_answers(&self, last: Option<Pid>) -> Result<Option<Pid>, Error> {
        let Some(server) = self.address.private() else { return Ok(None) };
        let began = Instant::now();
        loop {
            let process = server.process();
            if process.is_some() && (process == last || RabbitService::probe(&self.address).await.is_ok()) {
                return Ok(process);
            }
            if began.elapsed() > REPLACEMENT_TIMEOUT {
                let log = server.end_of_log();
                return Err(Error::new(format!(
                    "the private RabbitMQ server has ended, and no other one answers within {REPLACEMENT_TIMEOUT:?}; its log ends with:\n{log}"
                )));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Cleans a virtual host for the next test, or removes it.
async fn give_back(leased: LeasedVirtualHost, info: &TestInfo) -> Result<(), Error> {
    let LeasedVirtualHost { shared, virtual_host, process } = leased;
    if let Some(server) = shared.address.private().filter(|server| server.process() != process) {
        info.fail(format!(
            "the private RabbitMQ server of this run has ended while the test used it, so the result of the test means nothing{}; the next test gets a new \
             server; its log ends with:\n{}",
            shared.address.reason_of_kill(),
            server.end_of_log()
        ));
        return Ok(());
    }
    let mut state = shared.state.lock().await;
    match virtual_host.clean(&mut state.management).await {
        Ok(Cleaned::Clean) => {
            state.idle.push(virtual_host);
            Ok(())
        }
        Ok(Cleaned::Dirty(reason)) => {
            let test = info.id();
            let _ = writeln!(
                std::io::stderr(),
                "itest: the virtual host of RabbitMQ that {test} used is replaced by a new one: {reason}"
            );
            virtual_host.remove(&mut state.management).await
        }
        Err(error) => {
            // A private server that hangs is replaced, so the next test must not use it before it has answered.
            state.process = None;
            Err(match shared.address.end_of_log() {
                Some(log) => Error::new(format!("{error}{log}")),
                None => error,
            })
        }
    }
}

/// The virtual hosts of a worker, which are removed when it ends.
#[fixture(scope = "worker", crate = crate::itest)]
fn virtual_hosts<T: Topology>(
    server: &RunServer<RabbitService>,
    teardown: &Teardown,
) -> Result<VirtualHosts<T>, Error> {
    let (address, prefix) = (server.address().clone(), VirtualHost::new_prefix());
    let virtual_hosts = VirtualHosts::on(address.clone(), prefix.clone())?;
    // The entry is in the ledger before the first virtual host exists.
    teardown.durable(remove_rabbitmq_virtual_hosts, Leftovers { address, prefix })?;
    Ok(virtual_hosts)
}
