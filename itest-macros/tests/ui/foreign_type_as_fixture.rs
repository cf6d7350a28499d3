use itest::prelude::*;

use std::net::TcpListener;

#[fixture]
fn listener() -> Result<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0")?)
}

fn main() {}
