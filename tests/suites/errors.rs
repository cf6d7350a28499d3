//! Tests, fixtures and teardown functions that fail with errors of different types.

use std::error::Error;
use std::num::ParseIntError;
use std::rc::Rc;

use itest::prelude::*;

itest::main!();

#[derive(Debug, thiserror::Error)]
enum ShopError {
    #[error("the shop is closed")]
    Closed(#[source] ParseIntError),
    #[error("the shop is closed: {0}")]
    ClosedWithCause(#[source] ParseIntError),
    #[error("{0} cannot pay")]
    NotSend(Rc<str>, #[source] ParseIntError),
}

fn cause() -> ParseIntError {
    "x".parse::<u8>().expect_err("it is no number")
}

#[integration_test]
fn own_type() -> Result<(), ShopError> {
    Err(ShopError::Closed(cause()))
}

#[integration_test]
async fn own_type_async() -> Result<(), ShopError> {
    Err(ShopError::Closed(cause()))
}

#[integration_test]
fn text_with_its_cause() -> Result<(), ShopError> {
    Err(ShopError::ClosedWithCause(cause()))
}

#[integration_test]
fn not_send() -> Result<(), ShopError> {
    Err(ShopError::NotSend("Emma".into(), cause()))
}

#[integration_test]
fn boxed() -> Result<(), Box<dyn Error>> {
    Err(ShopError::Closed(cause()).into())
}

#[integration_test]
fn of_itest() -> Result {
    Err(cause())?
}

#[integration_test]
fn number() -> Result<(), u16> {
    Err(404)
}

struct Shop;

#[fixture]
fn shop() -> Result<Shop, ShopError> {
    Err(ShopError::Closed(cause()))
}

#[integration_test]
fn fixture(_shop: &Shop) {}

#[teardown]
async fn close(_shop: String) -> Result<(), ShopError> {
    Err(ShopError::Closed(cause()))
}

#[integration_test]
fn teardown_function(teardown: &Teardown) -> Result {
    teardown.durable(close, String::new())?;
    Ok(())
}

#[integration_test]
async fn awaited_teardown_function() -> Result {
    close(String::new()).await?;
    Ok(())
}

async fn lock_the_door() -> Result {
    Err(cause())?
}

#[integration_test]
fn deferred_step(teardown: &Teardown) {
    teardown.defer("lock the door", lock_the_door());
}
