use itest::prelude::*;

#[integration_test]
async fn it_works() {
    async {
        #[act]
        let answer = 42;
        #[assert]
        assert_eq!(answer, 42);
    }
    .await;
}

fn main() {}
