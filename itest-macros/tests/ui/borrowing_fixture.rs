use itest::prelude::*;

struct Connection<'a>(&'a str);

#[integration_test]
fn a_connection_has_a_name<'a>(connection: &Connection<'a>) {
    assert!(!connection.0.is_empty());
}

fn main() {}
