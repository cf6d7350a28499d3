use std::path::PathBuf;

use itest::prelude::*;

struct Shelf;

#[fixture]
fn shelf() -> Shelf {
    Shelf
}

#[integration_test]
#[over(S = [Shelf])]
fn order_is_read<S>(_shelf: &S, #[files("orders/*.json")] path: PathBuf) {
    assert!(path.exists());
}

fn main() {}
