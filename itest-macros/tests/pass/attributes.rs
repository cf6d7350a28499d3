//! A crate that is strict with itself.

#![forbid(unsafe_code)]
#![deny(warnings)]
#![deny(missing_docs, missing_debug_implementations, unreachable_pub, unused_qualifications)]
#![deny(
    let_underscore_drop,
    single_use_lifetimes,
    trivial_casts,
    unused_lifetimes,
    unused_results,
    non_local_definitions
)]

use itest::prelude::*;

/// The service under test.
#[derive(Debug)]
pub struct Shop;

/// Starts it.
#[fixture]
pub fn shop() -> Shop {
    Shop
}

/// A shop that is not there.
#[cfg(windows)]
#[fixture]
fn kiosk() -> Kiosk {
    Kiosk
}

#[fixture]
#[cfg(windows)]
fn stall() -> Stall {
    Stall
}

/// It is opened.
#[integration_test]
pub async fn documented(_shop: &Shop) {}

#[cfg(windows)]
#[integration_test]
fn elsewhere(_kiosk: &Kiosk) {}

#[integration_test]
#[cfg(windows)]
fn elsewhere_too(_stall: &Stall) {}

#[integration_test]
#[cfg_attr(unix, allow(unused_variables))]
fn conditional(shop: &Shop) {
    let number = 7;
}

#[allow(unused_variables, reason = "the name says more")]
#[integration_test]
#[expect(unused_mut, reason = "so that it can be told")]
fn linted(mut shop: Shop) {}

#[integration_test(timeout = "1m 30s", retries = 2, serial = "shop", tags("smoke", "payments"), covers("POST /orders"))]
fn every_argument(_shop: &Shop) {}

#[integration_test(threads = 4)]
async fn threads_of_its_own(_shop: &Shop) {}

#[integration_test(flavor = "multi_thread", threads = 1, start_paused = false)]
async fn one_thread_of_its_own(_shop: &Shop) {}

#[integration_test(flavor = "multi_thread")]
async fn default_flavor(_shop: &Shop) {}

#[integration_test(flavor = "current_thread")]
async fn current_thread(_shop: &Shop) {}

#[integration_test(serial, ignore = "not yet")]
fn ignored(_shop: &Shop) {
    unreachable!("it is ignored");
}

#[integration_test]
fn r#match() {
    #![allow(unused_variables)]
    let number = 7;
}

#[integration_test]
#[inline]
fn inlined() {}

itest::main!();
