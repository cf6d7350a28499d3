use itest::prelude::*;

struct Database;

#[fixture]
async fn database() {
    let _ = Database;
}

fn main() {}
