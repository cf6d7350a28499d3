use itest::prelude::*;

struct Server;

#[fixture(scope = "module")]
fn server(port: u16) -> Server {
    let _ = port;
    Server
}

fn main() {}
