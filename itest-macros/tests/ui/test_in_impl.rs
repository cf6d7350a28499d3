use itest::prelude::*;

struct Suite;

impl Suite {
    #[integration_test]
    #[case(1)]
    async fn it_works(#[case] number: u8) {
        #[act]
        let next = number + 1;
        #[assert]
        assert_eq!(next, 2);
    }
}

fn main() {}
