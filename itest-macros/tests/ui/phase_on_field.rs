use itest::prelude::*;

struct Order {
    number: u32,
}

#[integration_test]
async fn it_works() {
    #[act]
    let order = Order {
        #[arrange]
        number: 42,
    };
    #[assert]
    assert_eq!(order.number, 42);
}

fn main() {}
