//! The application under test, as far as it lives in its process: caches, switches, singletons.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Prices that were looked up.
pub(crate) static PRICES: Mutex<BTreeMap<&str, u32>> = Mutex::new(BTreeMap::new());
/// The language of everything that is written.
pub(crate) static LANGUAGE: Mutex<&str> = Mutex::new("en");
/// The number of the last invoice.
pub(crate) static INVOICES: AtomicU32 = AtomicU32::new(0);
/// Whether the application's clock stands still.
pub(crate) static FROZEN: AtomicBool = AtomicBool::new(false);
/// The server on the default port.
pub(crate) static SERVER: Mutex<Option<TcpListener>> = Mutex::new(None);
/// The server of metrics.
pub(crate) static METRICS: Mutex<Option<TcpListener>> = Mutex::new(None);
/// What is in the cart.
pub(crate) static CART: Mutex<Option<&str>> = Mutex::new(None);
/// The rate of exchange that applies.
pub(crate) static RATE: AtomicU32 = AtomicU32::new(1);
/// The rate of exchange as it was when somebody asked first.
pub(crate) static KNOWN_RATE: OnceLock<u32> = OnceLock::new();
/// The log, once it is open.
pub(crate) static LOG: Mutex<Option<File>> = Mutex::new(None);
/// Whether somebody wants to be told when the shop closes.
pub(crate) static CLOSING_HOOK: AtomicBool = AtomicBool::new(false);
/// Whether orders are refused.
pub(crate) static REFUSING: AtomicBool = AtomicBool::new(false);
/// Whether visitors are told to come back later.
pub(crate) static MAINTENANCE: AtomicBool = AtomicBool::new(false);
/// The titles in the catalog.
pub(crate) static CATALOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
/// Whether somebody's session is open.
pub(crate) static SESSION: AtomicBool = AtomicBool::new(false);
/// The one logger.
pub(crate) static LOGGER: OnceLock<&str> = OnceLock::new();
/// Where honest tests leave things for as long as they last.
pub(crate) static COUNTER: AtomicU32 = AtomicU32::new(7);

thread_local! {
    /// Who is signed in, in this thread.
    pub(crate) static SIGNED_IN: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// What is behind a lock, also after a test that failed while it had it.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
