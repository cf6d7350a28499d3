//! The deliveries that no client has acknowledged yet.

use super::message::Message;

/// A delivery that its client has to acknowledge.
#[derive(Debug)]
struct Delivery {
    connection: u64,
    tag: String,
    message: Message,
    /// Whether the connection or its channel has ended, so that the broker delivers the message again.
    is_returned: bool,
}

/// The deliveries without an acknowledgement, in their order.
#[derive(Debug, Default)]
pub(super) struct Unacknowledged(Vec<Delivery>);

impl Unacknowledged {
    pub(super) fn add(&mut self, connection: u64, tag: String, message: Message) {
        self.0.push(Delivery { connection, tag, message, is_returned: false });
    }

    /// Removes the deliveries with these tags. For each of them, it also removes an earlier delivery of the same message whose connection has
    /// ended, because the broker has delivered that message again.
    pub(super) fn acknowledge(&mut self, connection: u64, tags: &[String]) {
        let is_named = |delivery: &Delivery| delivery.connection == connection && tags.contains(&delivery.tag);
        let (acknowledged, others) = std::mem::take(&mut self.0).into_iter().partition::<Vec<_>, _>(is_named);
        self.0 = others;
        for Delivery { message, .. } in acknowledged {
            let earlier = |other: &Delivery| other.is_returned && other.message.content() == message.content();
            if let Some(position) = self.0.iter().position(earlier) {
                self.0.remove(position);
            }
        }
    }

    /// Notes that a connection has ended.
    pub(super) fn end_connection(&mut self, connection: u64) {
        self.return_deliveries(|delivery| delivery.connection == connection);
    }

    /// Notes that the broker has taken back the deliveries with these tags.
    pub(super) fn take_back(&mut self, connection: u64, tags: &[String]) {
        self.return_deliveries(|delivery| delivery.connection == connection && tags.contains(&delivery.tag));
    }

    fn return_deliveries(&mut self, is_returned: impl Fn(&Delivery) -> bool) {
        let returned = self.0.iter_mut().filter(|delivery| is_returned(delivery));
        returned.for_each(|delivery| delivery.is_returned = true);
    }

    /// The messages, in the order of their deliveries.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.0.iter().map(|delivery| &delivery.message)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use itest_runtime::Phase;

    use super::*;
    use crate::messages::content::Content;

    fn message(topic: &str) -> Message {
        let content = Content { topic: topic.to_owned(), ..Content::default() };
        Message::new(Arc::new(content), Phase::Act, Duration::ZERO)
    }

    fn topics(deliveries: &Unacknowledged) -> Vec<&str> {
        deliveries.messages().map(Message::topic).collect()
    }

    #[test]
    fn acknowledgement_removes_only_deliveries_of_its_connection_and_tags() {
        let mut deliveries = Unacknowledged::default();
        for (connection, tag, topic) in [(1, "1", "a"), (1, "2", "b"), (2, "1", "c")] {
            deliveries.add(connection, tag.to_owned(), message(topic));
        }
        deliveries.acknowledge(1, &["1".to_owned(), "2".to_owned()]);
        assert_eq!(topics(&deliveries), ["c"]);
    }

    #[test]
    fn acknowledgement_of_a_redelivery_also_counts_for_the_delivery_of_the_lost_connection() {
        let mut deliveries = Unacknowledged::default();
        deliveries.add(1, "1".to_owned(), message("a"));
        deliveries.end_connection(1);
        assert_eq!(topics(&deliveries), ["a"]);
        deliveries.add(2, "7".to_owned(), message("a"));
        deliveries.acknowledge(2, &["7".to_owned()]);
        assert_eq!(topics(&deliveries), [""; 0]);
    }
}
