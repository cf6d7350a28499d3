use itest::prelude::*;

#[integration_test(workflow)]
async fn it_works() {
    for number in 0..3 {
        #[act]
        let square = number * number;
        #[assert]
        assert!(square >= number);
    }
}

fn main() {}
