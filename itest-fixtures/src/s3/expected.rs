//! The wait for an object.

use std::future::IntoFuture;
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use itest_runtime::__private::timeout;
use itest_runtime::Error;

use super::access::BucketAccess;
use super::object::Object;

/// How long a test waits for an object by default.
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);

/// The most keys that an error lists.
const MAX_LISTED: usize = 20;

/// The wait for an object; see [`Bucket::expect`](super::Bucket::expect). It begins when it is awaited.
#[derive(Debug)]
#[must_use = "the test does not wait for the object until this is awaited"]
pub struct ExpectedObject<'b> {
    access: &'b BucketAccess,
    key: String,
    limit: Duration,
    location: &'static Location<'static>,
}

impl<'b> ExpectedObject<'b> {
    #[track_caller]
    pub(super) fn new(access: &'b BucketAccess, key: &str) -> Self {
        Self { access, key: key.to_owned(), limit: DEFAULT_LIMIT, location: Location::caller() }
    }

    /// Sets the time limit (default: 5 seconds).
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    async fn wait(self) -> Result<Object, Error> {
        let Self { access, key, limit, location } = self;
        // The harness's clock also runs while a test has paused tokio's time.
        let result: Result<Object, Error> = match timeout(limit, access.wait_for(&key)).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(format!(
                "no object {key} was stored within {limit:?}; {}",
                list_of_keys(&access.keys().await?)
            ))),
        };
        result.map_err(|error| Error::at(error.to_string(), location))
    }
}

impl<'b> IntoFuture for ExpectedObject<'b> {
    type Output = Result<Object, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'b>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

/// The keys of a bucket in an error.
pub(super) fn list_of_keys(keys: &[String]) -> String {
    let lines: Vec<String> = keys.iter().take(MAX_LISTED).map(|key| format!("\n  {key}")).collect();
    match keys.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        _ if keys.is_empty() => "the bucket is empty".to_owned(),
        None => format!("the bucket contains:{}", lines.concat()),
        Some(more) => format!("the bucket contains:{}\n  and {more} more", lines.concat()),
    }
}
