//! A proxy between the code under test and a real service.

mod fixture;
mod new_injection;
mod opaque;
mod postgres;
mod recorder;
mod server;
pub mod statement;
mod statements;
mod tunnel;
mod upstream;

pub use fixture::Proxy;
pub use new_injection::{NewConnectionInjection, NewStatementInjection};
pub use statement::StatementPattern;
pub use statements::{RepeatedStatement, SentStatement, Statements};
#[cfg(feature = "_tap")]
pub(crate) use tunnel::reset_on_drop;
