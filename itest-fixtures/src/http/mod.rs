//! HTTP from the side of a test: a client with readable assertions, and the service under test in this process.

mod chunked_body;
mod client;
mod contract_check;
mod cookie;
mod multipart;
mod pending_exchange;
mod recorded;
mod request;
mod response;
mod sent;
mod server;
mod server_sent_event;
mod shutdown;
mod streaming;
mod transport_error;

pub use client::Client;
pub use cookie::{CookieAssertion, SetCookie};
pub use multipart::Multipart;
pub use request::Request;
pub use response::Response;
pub use server::Server;
pub use server_sent_event::ServerSentEvent;
pub use shutdown::Shutdown;
pub use streaming::Streaming;
