//! A topic that the test makes.

use std::future::IntoFuture;
use std::pin::Pin;

use itest_runtime::Error;

use super::test_topics::TestTopics;

/// A topic that the test makes. It is a future, whose result is the full name: `events.topic("orders").await?`.
#[must_use = "a topic is made when it is awaited"]
#[derive(Debug)]
pub struct NewTopic<'k> {
    topics: &'k TestTopics,
    name: String,
    partitions: Option<u16>,
}

impl<'k> NewTopic<'k> {
    pub(super) fn new(topics: &'k TestTopics, name: &str) -> Self {
        Self { topics, name: name.to_owned(), partitions: None }
    }

    /// The topic has this number of partitions, instead of one.
    pub fn partitions(self, partitions: u16) -> Self {
        Self { partitions: Some(partitions), ..self }
    }
}

impl<'k> IntoFuture for NewTopic<'k> {
    type Output = Result<String, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'k>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.topics.make(&self.name, self.partitions).await })
    }
}
