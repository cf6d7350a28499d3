use itest::prelude::*;

#[fixture]
fn listener() -> Result<std::net::TcpListener> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?)
}

fn main() {}
