use itest::prelude::*;

#[integration_test(timout = "10s")]
#[case(41)]
async fn it_works(#[case] number: u32, #[values(1)] step: u32) {
    #[act("it adds", within = "1s")]
    let answer = number + step;
    #[assert]
    assert_eq!(answer, 42);
}

fn main() {}
