use itest::prelude::*;

struct Shop;

#[integration_test]
fn it_works(#[cfg(unix)] _shop: &Shop, #[cfg(windows)] _registry: &Registry) {}

fn main() {}
