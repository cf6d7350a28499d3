use itest::prelude::*;

#[integration_test(workflow)]
async fn it_works() {
    #[act]
    let mut number = 41;
    #[assert]
    assert_eq!(number, 41);
    #[act]
    number += 1;
    let _ = number;
}

fn main() {}
