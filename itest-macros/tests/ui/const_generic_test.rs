use itest::prelude::*;

#[integration_test]
fn arrays_have_a_length<const N: usize>() {
    assert_eq!([0; N].len(), N);
}

fn main() {}
