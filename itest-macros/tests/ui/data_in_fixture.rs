use itest::prelude::*;

struct Server(u16);

#[fixture]
fn server(port: u16) -> Server {
    Server(port)
}

fn main() {}
