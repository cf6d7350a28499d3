//! The records that the test itself has published, which are no messages of the code under test.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use itest_runtime::Error;
use tokio::sync::Notify;

/// The place of a record in a log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// The records that the test itself has published. A reader of the log recognizes them by their places, because a header would change what the code under test
/// gets.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnRecords(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    published: Notify,
}

#[derive(Debug, Default)]
struct State {
    places: HashSet<Place>,
    /// For each topic, how many records are being published: they may be in the log, but their places are not known yet.
    pending: HashMap<String, usize>,
}

impl OwnRecords {
    /// Publishes a record on a topic, and remembers its place. The record is also remembered if the caller stops waiting.
    ///
    /// # Errors
    ///
    /// The error of the publication.
    pub(super) async fn publish(
        &self,
        topic: &str,
        publication: impl Future<Output = Result<Place, Error>> + Send + 'static,
    ) -> Result<(), Error> {
        *self.state().pending.entry(topic.to_owned()).or_default() += 1;
        let (records, topic) = (self.clone(), topic.to_owned());
        let publishing = tokio::spawn(async move {
            let published = publication.await;
            let mut state = records.state();
            if let Some(pending) = state.pending.get_mut(&topic) {
                *pending -= 1;
            }
            let published = published.map(|place| {
                state.places.insert(place);
            });
            drop(state);
            records.0.published.notify_waiters();
            published
        });
        publishing.await.map_err(Error::from)?
    }

    /// Waits until the places of all records on a topic are known that the test has published so far.
    pub(super) async fn settle(&self, topic: &str) {
        loop {
            let published = self.0.published.notified();
            if self.state().pending.get(topic).is_none_or(|pending| *pending == 0) {
                return;
            }
            published.await;
        }
    }

    /// Whether the test has published the record at a place.
    pub(super) fn contains(&self, place: &Place) -> bool {
        self.state().places.contains(place)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn reader_waits_for_the_place_of_a_record_that_is_being_published() {
        let records = OwnRecords::default();
        let place = Place { topic: "a".to_owned(), partition: 0, offset: 7 };
        let (confirm, confirmed) = oneshot::channel();
        let (records_of_publisher, published) = (records.clone(), place.clone());
        let publishing = tokio::spawn(async move {
            records_of_publisher.publish("a", async move { Ok(confirmed.await.map(|()| published).unwrap()) }).await
        });
        while records.state().pending.is_empty() {
            tokio::task::yield_now().await;
        }
        records.settle("b").await;
        let (reader, read) = (records.clone(), place.clone());
        let reading = tokio::spawn(async move {
            reader.settle("a").await;
            reader.contains(&read)
        });
        confirm.send(()).unwrap();
        assert!(reading.await.unwrap());
        publishing.await.unwrap().unwrap();
        assert!(!records.contains(&Place { offset: 8, ..place }));
    }

    #[tokio::test]
    async fn publication_that_fails_is_not_waited_for() {
        let records = OwnRecords::default();
        records.publish("a", async { Err(Error::new("refused")) }).await.unwrap_err();
        records.settle("a").await;
    }
}
