//! A consumer group of one test.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use itest_runtime::__private::timeout;
use itest_runtime::Error;

use super::access::Access;
use super::groups;
use super::log::{Position, ends};

/// How long a test waits for a group.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between two questions about a group.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A consumer group of one test. Its text is the full name, with which the code under test joins the group.
#[derive(Debug, Clone)]
pub struct ConsumerGroup {
    access: Access,
    name: String,
}

/// How far a group is in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct GroupOffset {
    /// The number of the partition, counted from 0.
    pub partition: i32,
    /// The offset from which the group continues, or `None` if it has committed none.
    pub committed: Option<i64>,
    /// The offset after the last record.
    pub end: i64,
}

impl GroupOffset {
    /// How many records the group has not committed yet.
    #[must_use]
    pub fn lag(&self) -> u64 {
        u64::try_from(self.end - self.committed.unwrap_or_default()).unwrap_or_default()
    }
}

impl ConsumerGroup {
    pub(super) fn new(access: Access, name: String) -> Self {
        Self { access, name }
    }

    /// The full name, with which the code under test joins the group.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far the group is in each partition of a topic.
    ///
    /// # Errors
    ///
    /// When there is no such topic, or the cluster does not answer.
    pub async fn offsets(&self, topic: &str) -> Result<Vec<GroupOffset>, Error> {
        let Access { cluster, names, .. } = &self.access;
        let topic = names.full(topic)?;
        let leaders = cluster.leaders(&topic).await?;
        let partitions: Vec<i32> = leaders.iter().map(|leader| leader.partition).collect();
        let committed = groups::committed(cluster, &self.name, &topic, &partitions).await?;
        let mut offsets = Vec::with_capacity(leaders.len());
        for leader in &leaders {
            for Position { partition, offset: end } in
                ends(cluster, &leader.endpoint, &topic, &[leader.partition]).await?
            {
                let of_partition = committed.iter().find(|position| position.partition == partition);
                offsets.push(GroupOffset { partition, committed: of_partition.map(|position| position.offset), end });
            }
        }
        offsets.sort_by_key(|offset| offset.partition);
        Ok(offsets)
    }

    /// How many records of a topic the group has not committed yet.
    ///
    /// # Errors
    ///
    /// As for [`ConsumerGroup::offsets`].
    pub async fn lag(&self, topic: &str) -> Result<u64, Error> {
        Ok(self.offsets(topic).await?.iter().map(GroupOffset::lag).sum())
    }

    /// Waits until the group has committed all records of a topic.
    ///
    /// # Errors
    ///
    /// When it has not done so within 10 seconds. The error lists the partitions.
    #[track_caller]
    pub fn expect_consumed(&self, topic: &str) -> impl Future<Output = Result<(), Error>> + Send {
        let caller = Location::caller();
        let (group, topic) = (self.clone(), topic.to_owned());
        async move {
            let mut last = Vec::new();
            let waiting = async {
                loop {
                    last = group.offsets(&topic).await?;
                    if last.iter().all(|offset| offset.lag() == 0) {
                        return Ok(());
                    }
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            };
            timeout(TIMEOUT, waiting).await.unwrap_or_else(|_| {
                let (name, topic) = (group.access.names.short(&group.name), group.access.names.short(&topic));
                let partitions: Vec<_> = last.iter().map(GroupOffset::to_string).collect();
                let text = format!("the group {name} has not committed all records of {topic} within {TIMEOUT:?}");
                Err(Error::at(format!("{text}:\n  {}", partitions.join("\n  ")), caller))
            })
        }
    }

    /// Waits until the group has exactly this number of members.
    ///
    /// # Errors
    ///
    /// When the number is still another one after 10 seconds, or the cluster cannot count members, as librdkafka's mock cluster. The
    /// cluster counts only members that use the classic protocol of groups.
    #[track_caller]
    pub fn expect_consumers(&self, count: usize) -> impl Future<Output = Result<(), Error>> + Send {
        let (group, caller) = (self.clone(), Location::caller());
        async move {
            let mut last = 0;
            let waiting = async {
                loop {
                    last = groups::members(&group.access.cluster, &group.name).await?;
                    if last == count {
                        return Ok(());
                    }
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            };
            timeout(TIMEOUT, waiting).await.unwrap_or_else(|_| {
                let name = group.access.names.short(&group.name);
                Err(Error::at(
                    format!("the group {name} has {last} members after {TIMEOUT:?}, expected {count}"),
                    caller,
                ))
            })
        }
    }
}

impl fmt::Display for GroupOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, committed, end } = self;
        match committed {
            Some(committed) => write!(formatter, "partition {partition}: committed {committed} of {end}"),
            None => write!(formatter, "partition {partition}: committed nothing of {end}"),
        }
    }
}

impl fmt::Display for ConsumerGroup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl AsRef<str> for ConsumerGroup {
    fn as_ref(&self) -> &str {
        &self.name
    }
}
