use itest::prelude::*;

struct Server(u16);

#[fixture]
#[case(8080)]
fn server(#[case] port: u16) -> Server {
    Server(port)
}

fn main() {}
