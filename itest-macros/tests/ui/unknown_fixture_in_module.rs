use itest::prelude::*;

mod support {
    pub struct Database;
}

#[integration_test]
async fn it_works(_database: &support::Database) {}

fn main() {}
