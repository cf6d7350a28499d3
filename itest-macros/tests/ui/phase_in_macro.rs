use itest::prelude::*;

macro_rules! twice {
    ($($body:tt)*) => {
        $($body)*
    };
}

#[integration_test]
async fn it_works() {
    #[act]
    let answer = 42;
    twice! {
        #[assert]
        assert_eq!(answer, 42);
    }
}

fn main() {}
