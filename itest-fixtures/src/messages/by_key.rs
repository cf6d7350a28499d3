//! Waits for messages that the test expects in their order for each key.

use std::collections::BTreeMap;
use std::fmt;

use itest_runtime::__private::redacted;
use itest_runtime::Error;

use super::expectation::Expectation;
use super::message::Message;

/// Compares two messages of a key that follow each other. Returns what is wrong with their order.
type Compare = Box<dyn Fn(&Message, &Message) -> Option<String> + Send + Sync>;

/// Messages that the test expects, each with a key, such as the number of an order. [`Expectation::by_key`] makes it.
///
/// A broker keeps the order of the messages of one key only if the application takes care of it, for example with one queue, or with one partition of Kafka. The
/// messages of different keys come in any order.
#[must_use = "an expectation does nothing until it is awaited"]
pub struct ExpectationByKey<'b, K> {
    expectation: Expectation<'b>,
    key: Box<dyn Fn(&Message) -> K + Send + Sync>,
    orders: Vec<Compare>,
}

impl<'b> Expectation<'b> {
    /// Gives each message a key, such as the number of its order, for what holds for the messages of one key: see [`ExpectationByKey`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use itest::prelude::*;
    /// # async fn example(events: &impl itest::Broker) -> Result<()> {
    /// let order = |message: &itest::Message| message.at("/order").as_u64();
    /// let version = |message: &itest::Message| message.at("/version").as_u64();
    /// let by_order = events.expect("order.*").by_key(order).ascending("the version", version).exactly(6).await?;
    /// assert_eq!(by_order[&Some(7)].len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn by_key<K: Ord + fmt::Debug>(
        self,
        key: impl Fn(&Message) -> K + Send + Sync + 'static,
    ) -> ExpectationByKey<'b, K> {
        ExpectationByKey { expectation: self, key: Box::new(key), orders: Vec::new() }
    }
}

impl<K: Ord + fmt::Debug> ExpectationByKey<'_, K> {
    /// The messages of each key are published in ascending order of this value, such as a version. Two messages with the same value are in order, because a producer may
    /// publish a message twice. `what` names the value in reports: `"the version"`.
    pub fn ascending<V: PartialOrd + fmt::Debug>(
        mut self,
        what: impl Into<String>,
        value: impl Fn(&Message) -> V + Send + Sync + 'static,
    ) -> Self {
        let what = what.into();
        self.orders.push(Box::new(move |earlier, later| {
            let (earlier, later) = (value(earlier), value(later));
            (later < earlier).then(|| format!("{what} is {later:?} after {earlier:?}"))
        }));
        self
    }

    /// Waits for this many messages of all keys together, and returns the messages of each key in the order in which they were published. One more fails the test, also if
    /// it comes later.
    ///
    /// # Errors
    ///
    /// When fewer messages arrive before the timeout, when there are already more, or when those of a key are not in order.
    pub async fn exactly(self, count: usize) -> Result<BTreeMap<K, Vec<Message>>, Error> {
        let Self { expectation, key, orders } = self;
        let (location, selection) = (expectation.location, expectation.selection.to_string());
        let mut by_key: BTreeMap<K, Vec<Message>> = BTreeMap::new();
        for message in expectation.exactly(count).await? {
            by_key.entry(key(&message)).or_default().push(message);
        }
        for (key, messages) in &by_key {
            for (earlier, later) in messages.iter().zip(messages.iter().skip(1)) {
                let Some(wrong) = orders.iter().find_map(|order| order(earlier, later)) else { continue };
                let text = format!("the messages on {selection} with the key {key:?} are not in order: {wrong}");
                return Err(Error::at(format!("{}\n  {earlier}\n  {later}", redacted(&text)), location));
            }
        }
        Ok(by_key)
    }
}

impl<K> fmt::Debug for ExpectationByKey<'_, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} by key", self.expectation)
    }
}
