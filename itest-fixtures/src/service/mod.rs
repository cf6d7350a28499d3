//! The provision of services, for any service: providers in their order, private servers, containers, guard rails, and the supervision of
//! connections.

mod account;
mod address;
mod cache;
mod connections;
#[cfg(feature = "containers")]
pub(crate) mod container;
mod definition;
mod fingerprint;
mod guard;
mod offer;
mod private;
mod private_server;
mod provider;
mod retry;
mod settings;
mod supervision;
mod url;

pub(crate) use account::Account;
pub(crate) use address::{Address, url_of};
pub(crate) use cache::cached;
pub(crate) use connections::{affordable_connections, private_connections};
pub(crate) use definition::{Programs, Service};
pub(crate) use fingerprint::{Fingerprint, build_of_this_binary};
pub(crate) use guard::{Target, application_is_not_used, refuse_unless_for_tests};
pub(crate) use private_server::{LOG_FOLLOWS, PrivateServer};
pub(crate) use provider::find;
pub(crate) use retry::retry;
pub(crate) use settings::declare_service_settings;
pub(crate) use supervision::{Losses, Supervised, Supervisor, is_reachable, loss_since};
pub(crate) use url::{ENCODE, is_readable};
