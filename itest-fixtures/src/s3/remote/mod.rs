//! Buckets on the server that `ITEST_S3_URL` names.

mod address;
mod cleaning;
mod client;
mod guard;
mod unfinished;

pub(super) use address::server_of_variable;
pub(super) use cleaning::{LeftBucket, delete_s3_bucket};
pub(super) use client::RemoteBucket;
pub(super) use guard::description;
pub(super) use unfinished::unfinished_uploads;
