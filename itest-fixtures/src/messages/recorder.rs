//! The messages of one test: what the tap has seen, what the test expects, and the faults that messages get.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use itest_runtime::__private::{CallKind, Problem};
use itest_runtime::{ConnectionFault, Error, Fault, Outcome, Teardown, TestInfo};
use tokio::sync::Notify;

use super::content::Content;
use super::direction::Direction;
use super::injected::Mounted;
use super::message::Message;
use super::problem::problem;
use super::protocol::Protocol;
use super::selection::Selection;
use super::subscriptions::Subscriptions;
use super::unacknowledged::Unacknowledged;
use super::volume::{Admission, Volume, excess};

/// The messages of one test. The tap and all handles of the test share them.
#[derive(Clone)]
pub struct Messages(Arc<Shared>);

struct Shared {
    info: TestInfo,
    protocol: Arc<dyn Protocol>,
    state: Mutex<State>,
    /// Wakes the tasks that wait for a message or a subscription.
    changed: Notify,
    is_lenient: AtomicBool,
}

#[derive(Default)]
struct State {
    published: Vec<Published>,
    published_volume: Volume,
    delivered: Vec<Message>,
    delivered_volume: Volume,
    unacknowledged: Unacknowledged,
    subscriptions: Subscriptions,
    /// The messages that the broker could not pass to anyone.
    unroutable: Vec<Message>,
    /// The patterns of the topics on which a message may reach no receiver.
    allowed_unroutable: Vec<String>,
    exclusions: Vec<Exclusion>,
    injected: Vec<Mounted>,
}

/// A message that a client has published.
struct Published {
    message: Message,
    /// Whether the test has expected the message. Another expectation gets another message.
    is_expected: bool,
}

/// The messages that the code under test may no longer publish.
#[derive(Clone)]
struct Exclusion {
    selection: Selection,
    location: &'static Location<'static>,
}

impl Messages {
    /// The messages of a test. Its teardown checks them.
    pub(crate) fn of_test(protocol: Arc<dyn Protocol>, info: &TestInfo, teardown: &Teardown) -> Self {
        let (state, changed, is_lenient) = (Mutex::default(), Notify::new(), AtomicBool::new(false));
        let messages = Self(Arc::new(Shared { info: info.clone(), protocol, state, changed, is_lenient }));
        let checked = messages.clone();
        teardown.defer_with(
            format!("check the messages of {}", messages.protocol().name()),
            move |outcome| async move {
                // If the test failed earlier, the code under test may not have reached its messages.
                if outcome == Outcome::Passed {
                    checked.check();
                }
                checked.report_unacknowledged();
                checked.protocol().close();
            },
        );
        messages
    }

    pub(super) fn protocol(&self) -> &dyn Protocol {
        &*self.0.protocol
    }

    pub(crate) fn info(&self) -> &TestInfo {
        &self.0.info
    }

    pub(super) fn be_lenient(&self) {
        self.0.is_lenient.store(true, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `check` returns a value. `check` is called at once, and after each change of the messages or the subscriptions.
    pub(super) async fn wait_for<T>(&self, mut check: impl FnMut() -> Option<T>) -> T {
        loop {
            let changed = self.0.changed.notified();
            if let Some(result) = check() {
                return result;
            }
            changed.await;
        }
    }

    fn selects(&self, selection: &Selection, message: &Message) -> bool {
        self.protocol().matches(&selection.pattern, message.topic())
            && selection.conditions.iter().all(|condition| (condition.holds)(message))
    }

    /// The first message of a selection that no expectation has got yet. The search begins at a position and moves it, so that a caller
    /// that waits examines each message once.
    pub(super) fn take(&self, selection: &Selection, position: &mut usize) -> Option<Message> {
        loop {
            let candidate = *position;
            let message = {
                let state = self.state();
                let published = state.published.get(candidate)?;
                *position += 1;
                (!published.is_expected).then(|| published.message.clone())
            };
            // A condition may call a closure of the test, which may use the broker, so the lock must be free.
            let Some(message) = message.filter(|message| self.selects(selection, message)) else { continue };
            // Another task of the test may have got the message meanwhile.
            let mut state = self.state();
            let published = state.published.get_mut(candidate).filter(|published| !published.is_expected);
            if let Some(published) = published {
                published.is_expected = true;
                return Some(message);
            }
        }
    }

    /// The messages of a selection that no expectation has got yet.
    pub(super) fn remaining(&self, selection: &Selection) -> Vec<Message> {
        let not_expected: Vec<Message> = {
            let state = self.state();
            let published = state.published.iter().filter(|published| !published.is_expected);
            published.map(|published| published.message.clone()).collect()
        };
        not_expected.into_iter().filter(|message| self.selects(selection, message)).collect()
    }

    /// From now on, a message of a selection fails the test.
    pub(super) fn exclude(&self, selection: Selection, location: &'static Location<'static>) {
        self.state().exclusions.push(Exclusion { selection, location });
    }

    pub(super) fn published(&self) -> Vec<Message> {
        self.state().published.iter().map(|published| published.message.clone()).collect()
    }

    pub(super) fn delivered(&self) -> Vec<Message> {
        self.state().delivered.clone()
    }

    pub(super) fn unacknowledged(&self) -> Vec<Message> {
        self.state().unacknowledged.messages().cloned().collect()
    }

    /// The messages of the code under test that reached no receiver.
    #[cfg(feature = "rabbitmq")]
    pub(crate) fn unroutable(&self) -> Vec<Message> {
        self.state().unroutable.clone()
    }

    /// From now on, a message on a topic that reaches no receiver does not fail the test.
    #[cfg(feature = "rabbitmq")]
    pub(crate) fn allow_unroutable(&self, pattern: &str) {
        self.state().allowed_unroutable.push(pattern.to_owned());
    }

    /// The number of subscriptions that get the messages of a topic.
    pub(super) fn subscriptions_of(&self, topic: &str) -> usize {
        let protocol = self.protocol();
        self.state().subscriptions.patterns().filter(|pattern| protocol.matches(pattern, topic)).count()
    }

    pub(super) fn inject(&self, mounted: Mounted) {
        self.state().injected.push(mounted);
    }

    /// The fault that a new connection of a client gets.
    pub(super) fn fault_of_connection(&self) -> Option<ConnectionFault> {
        self.info().running().fault_of_connection(self.protocol().name())
    }

    /// The fault that a message gets.
    pub(super) fn fault_of(&self, direction: Direction, topic: &str) -> Option<Fault> {
        let planned = || {
            let operation = || direction.operation(topic);
            self.info().running().fault_of_call(CallKind::Publication, self.protocol().name(), operation)
        };
        let planned = if direction == Direction::Publication { planned() } else { None };
        let injected = || {
            let state = self.state();
            let mut of_direction = state.injected.iter().filter(|mounted| mounted.direction == direction);
            let triggered = of_direction
                .find(|mounted| self.protocol().matches(&mounted.pattern, topic) && mounted.injection.triggers());
            triggered.map(|mounted| mounted.fault)
        };
        planned.or_else(injected)
    }

    /// Notes a message that a client publishes.
    pub(crate) fn note_publication(&self, content: Content, fault: Option<Fault>) {
        let message = self.message(content);
        self.add_exchange(Direction::Publication, &message, fault);
        if fault.is_none_or(Fault::is_processed) {
            self.check_exclusions(&message);
            let mut state = self.state();
            let admission = state.published_volume.admit(message.bytes().len());
            if admission == Admission::Recorded {
                state.published.push(Published { message, is_expected: false });
            }
            drop(state);
            self.check_volume(&admission, Direction::Publication);
        }
        self.0.changed.notify_waiters();
    }

    /// Notes a message that the broker delivers. If the client has to acknowledge the message, `tag` names it in the acknowledgement.
    pub(super) fn note_delivery(&self, connection: u64, content: Content, tag: Option<String>, fault: Option<Fault>) {
        let message = self.message(content);
        self.add_exchange(Direction::Delivery, &message, fault);
        // With another fault, the client does not get the message.
        if fault.is_none_or(Fault::is_processed) {
            let mut state = self.state();
            if let Some(tag) = tag {
                state.unacknowledged.add(connection, tag, message.clone());
            }
            let admission = state.delivered_volume.admit(message.bytes().len());
            if admission == Admission::Recorded {
                state.delivered.push(message);
            }
            drop(state);
            self.check_volume(&admission, Direction::Delivery);
        }
        self.0.changed.notify_waiters();
    }

    /// Fails the test at its first message that is not recorded, because its expectations do not see this message.
    fn check_volume(&self, admission: &Admission, direction: Direction) {
        if *admission == Admission::FirstExcess && !self.tolerates_everything() {
            let text = excess(self.protocol().name(), direction.done());
            self.info().fail_in(self.info().phase(), Problem::new(text));
        }
    }

    pub(super) fn note_acknowledgement(&self, connection: u64, tags: &[String]) {
        self.state().unacknowledged.acknowledge(connection, tags);
        self.0.changed.notify_waiters();
    }

    pub(super) fn note_return(&self, connection: u64, tags: &[String]) {
        self.state().unacknowledged.take_back(connection, tags);
    }

    /// Notes that the broker has no receiver for a message of a client.
    pub(super) fn note_unroutable(&self, content: Content, reason: &str) {
        let message = self.message(content);
        self.add_unroutable_exchange(&message, reason);
        self.state().unroutable.push(message);
        self.0.changed.notify_waiters();
    }

    pub(super) fn note_subscription(&self, connection: u64, id: String, pattern: String) {
        self.state().subscriptions.add(connection, id, pattern);
        self.0.changed.notify_waiters();
    }

    pub(super) fn note_unsubscription(&self, connection: u64, id: &str) {
        self.state().subscriptions.remove(connection, id);
        self.0.changed.notify_waiters();
    }

    pub(super) fn note_end_of_connection(&self, connection: u64) {
        let mut state = self.state();
        state.subscriptions.remove_connection(connection);
        state.unacknowledged.end_connection(connection);
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// A message that is seen now.
    pub(crate) fn message(&self, content: Content) -> Message {
        Message::new(Arc::new(content), self.info().phase(), self.info().elapsed())
    }

    /// Fails the test if it has excluded this message.
    fn check_exclusions(&self, message: &Message) {
        if self.tolerates_everything() {
            return;
        }
        // A condition of a selection may call a closure of the test, which may use the broker, so the lock must be free.
        let exclusions = self.state().exclusions.clone();
        for Exclusion { selection, location } in exclusions {
            if self.selects(&selection, message) {
                let text = format!("a message on {selection} that the test does not expect:\n  {message}");
                self.info().fail_with(problem(text, location));
            }
        }
    }

    /// Whether the test demands nothing of its messages. With a fault that it does not expect, the code under test may publish messages that it does not expect
    /// either.
    pub(crate) fn tolerates_everything(&self) -> bool {
        self.0.is_lenient.load(Ordering::Relaxed) || self.info().running().is_disturbed()
    }

    /// Fails the test for each message that reached no receiver, unless the test has expected the message, and so is its receiver.
    fn check_unroutable(&self) {
        let lost: Vec<Message> = {
            let state = self.state();
            let is_expected = |message: &Message| {
                let mut expected = state.published.iter().filter(|published| published.is_expected);
                expected.any(|published| published.message.content() == message.content())
            };
            let is_allowed = |message: &Message| {
                state.allowed_unroutable.iter().any(|pattern| self.protocol().matches(pattern, message.topic()))
            };
            let lost = state.unroutable.iter().filter(|message| !is_allowed(message) && !is_expected(message));
            lost.cloned().collect()
        };
        for message in lost {
            let name = self.protocol().name();
            self.info().fail_with(Problem::new(format!(
                "a message reached no queue of {name}, and the test does not expect it either:\n  {message}"
            )));
        }
    }

    /// Fails the test for each fault that was never triggered, and warns of messages without an acknowledgement.
    pub(super) fn check(&self) {
        if self.tolerates_everything() {
            return;
        }
        self.check_unroutable();
        let state = self.state();
        state.injected.iter().for_each(|mounted| mounted.check(self.info()));
        for message in state.unacknowledged.messages() {
            self.info().warn(format!(
                "the code under test never acknowledged a message of {}:\n  {message}",
                self.protocol().name()
            ));
        }
    }

    /// Reports the messages without an acknowledgement as what an execution with a fault has left behind.
    pub(super) fn report_unacknowledged(&self) {
        let (name, state) = (self.protocol().name(), self.state());
        for message in state.unacknowledged.messages() {
            self.info()
                .running()
                .add_unfinished(|| format!("an unacknowledged message of {name} on {}", message.topic()));
        }
    }

    /// Fails the test in the current phase, because itest cannot see its messages, or cannot do what a fault says.
    pub(crate) fn fail(&self, error: &Error) {
        self.info().fail_in(self.info().phase(), Problem::new(error.to_string()));
    }

    /// Waits until the body of the test has ended.
    pub(super) async fn body_ended(&self) {
        self.info().running().body_ended().await;
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Messages({})", self.protocol().name())
    }
}
