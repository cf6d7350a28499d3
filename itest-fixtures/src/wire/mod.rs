//! The endpoints of a test between the code under test and what it talks to.

mod api;
mod body;
mod call;
mod choice;
mod condition;
mod connection;
mod endpoint;
mod fault;
mod json_difference;
mod mounted_injection;
mod new_injection;
mod path;
mod pattern;
mod received;
mod reply;
pub mod request;
mod requests_underway;
mod service;
mod shown;
mod stand_in;
mod stub;
mod times;

pub use api::Api;
pub use endpoint::ServerStopError;
pub(crate) use endpoint::{BoxedError, Endpoint, EndpointOptions, Hooks, Protocols, Stopping};
pub(crate) use json_difference::{Members, compare_json};
pub use new_injection::NewInjection;
pub use pattern::RequestPattern;
pub use received::Received;
pub use reply::Reply;
pub(crate) use requests_underway::{Reporter, RequestUnderway, report_request_of_client};
pub(crate) use shown::{Completeness, ShownBeginning, operation, redacted_at, shown_body};
pub use stand_in::StandIn;
pub use stub::{NewStub, Stub};
pub use times::Times;
