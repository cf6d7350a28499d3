use itest::prelude::*;

#[integration_test]
#[should_panic(expected = "no")]
async fn it_panics() {
    panic!("no");
}

fn main() {}
