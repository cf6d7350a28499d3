use itest::prelude::*;

struct Server(u16);

#[fixture]
fn server(#[values(8080, 8081)] port: u16) -> Server {
    Server(port)
}

fn main() {}
