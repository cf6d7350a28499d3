#![forbid(unsafe_code)]
#![deny(warnings)]

use std::error::Error;
use std::fmt::{Display, Formatter};

use itest::prelude::*;

#[derive(Debug)]
struct Refused(u16);

impl Display for Refused {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "refused with {}", self.0)
    }
}

type Outcome = std::result::Result<(), Refused>;

#[integration_test]
fn nothing() {}

#[integration_test]
async fn unit() -> () {}

#[integration_test]
async fn text() -> Result<(), String> {
    "7".parse::<u8>().map(drop).map_err(|error| error.to_string())
}

#[integration_test]
fn static_text() -> Result<(), &'static str> {
    Ok(())
}

#[integration_test]
async fn boxed() -> Result<(), Box<dyn Error>> {
    "7".parse::<u8>()?;
    Ok(())
}

#[integration_test]
fn boxed_to_send() -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
    "7".parse::<u8>()?;
    Ok(())
}

#[integration_test]
async fn of_itest() -> itest::Result {
    "7".parse::<u8>()?;
    Ok(())
}

#[integration_test]
async fn of_the_prelude() -> Result<()> {
    "7".parse::<u8>()?;
    Ok(())
}

#[integration_test]
fn of_io() -> std::io::Result<()> {
    Ok(())
}

#[integration_test]
fn by_another_name() -> Outcome {
    if usize::BITS == 0 { Err(Refused(404)) } else { Ok(()) }
}

#[integration_test]
fn nothing_is_reached() -> Result<()> {
    skip!("it ends {}", "here")
}

itest::main!();
