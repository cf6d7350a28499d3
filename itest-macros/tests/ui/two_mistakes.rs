use itest::prelude::*;

#[integration_test(timeout = "10", retry = 2)]
#[should_panic]
async fn it_works(number: u32) {
    #[assert]
    assert_eq!(number, 42);
}

fn main() {}
