//! AWS: queues (SQS), topics (SNS) and buckets (S3), in a namespace of each test.
//!
//! itest starts `moto_server` for the run, which is an imitation of AWS, and each test gets an account of its own there. On the server that
//! `ITEST_AWS_URL` names, each test gets a prefix for its names, or an account if that server is moto.

mod cleaning;
mod client;
mod fixture;
mod in_flight;
mod location;
mod namespace;
mod programs;
mod queue;
mod resources;
mod service;
mod topic;

pub use fixture::Aws;
pub use queue::{Queue, QueueCounts, QueueMessage};
pub use topic::Topic;
