//! The global state of the application under test: caches, switches, singletons.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Prices that were looked up.
pub(crate) static PRICES: Mutex<BTreeMap<&str, u32>> = Mutex::new(BTreeMap::new());
/// The language of all texts.
pub(crate) static LANGUAGE: Mutex<&str> = Mutex::new("en");
/// The number of the last invoice.
pub(crate) static INVOICES: AtomicU32 = AtomicU32::new(0);
/// Whether the application's clock is frozen.
pub(crate) static FROZEN: AtomicBool = AtomicBool::new(false);
/// The server on the default port.
pub(crate) static SERVER: Mutex<Option<TcpListener>> = Mutex::new(None);
/// The metrics server.
pub(crate) static METRICS: Mutex<Option<TcpListener>> = Mutex::new(None);
/// The article in the cart.
pub(crate) static CART: Mutex<Option<&str>> = Mutex::new(None);
/// The current exchange rate.
pub(crate) static RATE: AtomicU32 = AtomicU32::new(1);
/// The exchange rate that was cached at its first use.
pub(crate) static KNOWN_RATE: OnceLock<u32> = OnceLock::new();
/// The log, once it is open.
pub(crate) static LOG: Mutex<Option<File>> = Mutex::new(None);
/// Whether a hook for the closing of the shop is registered.
pub(crate) static CLOSING_HOOK: AtomicBool = AtomicBool::new(false);
/// Whether orders are refused.
pub(crate) static REFUSING: AtomicBool = AtomicBool::new(false);
/// Whether visitors are told to come back later.
pub(crate) static MAINTENANCE: AtomicBool = AtomicBool::new(false);
/// The titles in the catalog.
pub(crate) static CATALOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
/// Whether a session is open.
pub(crate) static SESSION: AtomicBool = AtomicBool::new(false);
/// The global logger.
pub(crate) static LOGGER: OnceLock<&str> = OnceLock::new();
/// A counter that honest tests change and restore.
pub(crate) static COUNTER: AtomicU32 = AtomicU32::new(7);

thread_local! {
    /// The user who is signed in on this thread.
    pub(crate) static SIGNED_IN: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Locks a mutex, even if a test failed while it held the lock.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
