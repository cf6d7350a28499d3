//! Where the server of a service comes from, for any service: providers in their order, private servers, containers, the check that a server is
//! for tests, and the supervision of connections.

#[cfg(feature = "_startable-service")]
mod account;
#[cfg(feature = "_startable-service")]
mod address;
#[cfg(feature = "_database-server")]
mod cache;
#[cfg(feature = "_database-server")]
mod connections;
#[cfg(all(feature = "containers", any(feature = "_startable-service", feature = "compose")))]
pub(crate) mod container;
#[cfg(feature = "_startable-service")]
mod definition;
#[cfg(feature = "_exclusive")]
mod exclusive;
#[cfg(feature = "_run-server")]
mod fingerprint;
#[cfg(feature = "_service")]
mod guard;
#[cfg(feature = "_run-server")]
mod health_checks;
#[cfg(feature = "_run-server")]
mod kept;
#[cfg(any(feature = "any-service", feature = "compose"))]
mod lasting_connection;
#[cfg(feature = "_startable-service")]
mod lifetime;
#[cfg(feature = "_login")]
mod login;
#[cfg(any(feature = "_startable-service", feature = "compose"))]
mod offer;
#[cfg(any(all(feature = "containers", feature = "_startable-service"), feature = "_server-password"))]
pub(crate) mod password;
#[cfg(feature = "_startable-service")]
mod private;
#[cfg(feature = "_startable-service")]
mod private_server;
#[cfg(feature = "_startable-service")]
mod probe;
#[cfg(feature = "_startable-service")]
mod provider;
#[cfg(feature = "_run-server")]
mod recipe;
#[cfg(any(feature = "_built-in-service", all(feature = "containers", feature = "_startable-service")))]
mod refused_login;
#[cfg(any(feature = "_awaited-run-server", feature = "_database-server"))]
mod retry;
#[cfg(feature = "_shared-run-server")]
mod run_server;
#[cfg(feature = "_startable-service")]
mod running_server;
#[cfg(feature = "_server-password")]
mod secret_file;
#[cfg(feature = "_server-address")]
mod server_address;
#[cfg(feature = "_awaited-run-server")]
mod server_of_test;
#[cfg(feature = "_service-settings")]
mod settings;
#[cfg(any(feature = "_shared-run-server", feature = "_worker-server"))]
mod shared_server;
#[cfg(feature = "_database-server")]
mod supervision;
#[cfg(feature = "_service")]
pub(crate) mod url;
#[cfg(feature = "_worker-server")]
mod worker_server;
#[cfg(feature = "_worker-server")]
mod worker_slot;

#[cfg(feature = "_startable-service")]
pub(crate) use account::Account;
#[cfg(feature = "_startable-service")]
pub(crate) use address::Address;
#[cfg(feature = "_database-server")]
pub(crate) use cache::cached;
#[cfg(feature = "_database-server")]
pub(crate) use connections::{affordable_connections, private_connections};
#[cfg(feature = "_startable-service")]
pub(crate) use definition::{Programs, Service};
#[cfg(feature = "_exclusive")]
pub(crate) use exclusive::ExclusiveUse;
#[cfg(any(feature = "_database-server", feature = "any-service"))]
pub(crate) use fingerprint::Fingerprint;
#[cfg(feature = "_database-server")]
pub(crate) use fingerprint::build_of_this_binary;
#[cfg(feature = "_service")]
pub(crate) use guard::Target;
#[cfg(feature = "_database-server")]
pub(crate) use guard::application_is_not_used;
#[cfg(feature = "_startable-service")]
pub(crate) use guard::refuse_unless_for_tests;
#[cfg(feature = "_url-service")]
pub(crate) use guard::{Purpose, refuse};
#[cfg(any(feature = "any-service", feature = "compose"))]
pub(crate) use lasting_connection::accepts_connections_that_last;
#[cfg(all(feature = "_login", any(feature = "_built-in-service", feature = "_url-service")))]
pub(crate) use login::Login;
#[cfg(feature = "compose")]
pub(crate) use offer::Offer;
#[cfg(feature = "_api-server")]
pub(crate) use private_server::API_PORT;
#[cfg(any(feature = "_database-server", feature = "_server-password"))]
pub(crate) use private_server::PrivateServer;
#[cfg(any(feature = "_awaited-run-server", feature = "_server-password"))]
pub(crate) use private_server::SERVER_PORT;
#[cfg(feature = "any-service")]
pub(crate) use probe::probe_once;
#[cfg(feature = "_database-server")]
pub(crate) use provider::find;
#[cfg(feature = "any-service")]
pub(crate) use recipe::{SAMPLE_FOLDER, recipe_of};
#[cfg(feature = "_built-in-service")]
pub(crate) use refused_login::RefusedLogin;
#[cfg(feature = "_database-server")]
pub(crate) use retry::retry;
#[cfg(feature = "_shared-run-server")]
pub(crate) use run_server::RunServer;
#[cfg(any(feature = "_worker-server", feature = "_restart"))]
pub(crate) use running_server::RunningServer;
#[cfg(all(feature = "_built-in-service", feature = "_server-password"))]
pub(crate) use secret_file::write_secret;
#[cfg(feature = "_server-address")]
pub(crate) use server_address::ServerAddress;
#[cfg(feature = "any-service")]
pub(crate) use server_of_test::with_log;
#[cfg(feature = "_awaited-run-server")]
pub(crate) use server_of_test::{ServerOfTest, reach};
#[cfg(feature = "_service-settings")]
pub(crate) use settings::declare_service_settings;
#[cfg(any(feature = "_shared-run-server", feature = "_worker-server"))]
pub(crate) use shared_server::SharedServer;
#[cfg(feature = "_database-server")]
pub(crate) use supervision::{Losses, RETURN_TIMEOUT, Supervised, Supervisor, is_reachable, loss_since};
#[cfg(feature = "_worker-server")]
pub(crate) use worker_server::{ServerSource, WorkerService};
#[cfg(feature = "_worker-server")]
pub(crate) use worker_slot::{EndOfTest, PrivateServerOfTests, WorkerSlot};
