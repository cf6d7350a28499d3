use itest::prelude::*;

struct Database;

#[fixture]
async fn database() -> Result {
    let _ = Database;
    Ok(())
}

fn main() {}
