//! What the databases of several makers have in common.

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod background;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod cache;
mod cells;
mod changes;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod connections;
#[cfg(all(feature = "containers", any(feature = "mysql", feature = "postgres")))]
pub(crate) mod container;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod droppers;
mod failure;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod fingerprint;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod found;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod guard;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod life;
mod migration;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod owner;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod places;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) mod private;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod reserve;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod url;

#[cfg(all(test, feature = "postgres"))]
pub(crate) use background::background;
#[cfg(feature = "postgres")]
pub(crate) use background::background_tasks;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use cache::cached;
pub(crate) use cells::cells;
pub(crate) use changes::{Contents, contents, show_changes};
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use connections::affordable;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use droppers::Droppers;
pub(crate) use failure::{failed_to, told};
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use fingerprint::{Fingerprint, build_of_this_binary};
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use found::{Found, find};
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use guard::{is_allowed, passed_over_in_words, refusal, suspicion};
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use life::{Life, Lifeline, Losses, is_there, loss_since};
pub(crate) use migration::migration_failed;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use owner::Owner;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use reserve::{Maker, Reserve};
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use url::{encoded, with_database};
