//! Object stores (S3): a bucket for every test.
//!
//! Without a URL, each bucket has a server of its own in the test process, which is an imitation of S3. On the server that `ITEST_S3_URL` names,
//! itest makes a bucket for each test, and deletes it with everything in it.

mod access;
mod answer;
mod assembly;
mod body;
mod bucket;
mod buckets;
mod checksum;
mod condition;
mod contents;
mod credentials;
mod expected;
mod imitation;
mod lists;
mod multipart;
mod new_object;
mod object;
mod objects;
mod operations;
mod options;
mod page;
mod recorder;
mod remote;
mod request_body;
mod server;
mod source;
mod tags;

pub use bucket::Bucket;
pub use expected::ExpectedObject;
pub use new_object::NewObject;
pub use object::Object;
