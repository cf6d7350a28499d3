use itest::prelude::*;

#[integration_test(workflow)]
async fn it_works() {
    #[arrange]
    let mut number = 40;
    #[act]
    number += 1;
    #[assert]
    assert_eq!(number, 41);
    #[arrange]
    let step = 1;
    #[act]
    number += step;
    #[assert]
    assert_eq!(number, 42);
}

fn main() {}
