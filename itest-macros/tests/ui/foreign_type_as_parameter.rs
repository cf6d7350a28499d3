use itest::prelude::*;

use std::net::TcpListener;

#[integration_test]
async fn a_listener_has_an_address(listener: &TcpListener) -> Result<()> {
    listener.local_addr()?;
    Ok(())
}

fn main() {}
