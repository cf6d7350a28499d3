itest::integration_points!("POST /orders", orders, "POST /orders", "GET /orders?page");

fn main() {}
