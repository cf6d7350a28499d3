use itest::prelude::*;

#[integration_test(covers(
    "post /orders",
    "GET /orders/:id",
    "order.paid",
    "publishes order.paid",
    "consume order paid",
    "call payments POST",
    "GET  /orders",
))]
async fn it_works() {}

fn main() {}
