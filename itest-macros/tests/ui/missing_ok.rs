use itest::prelude::*;

#[integration_test]
async fn it_forgets_the_end() -> Result<()> {
    std::fs::metadata("Cargo.toml")?;
}

fn main() {}
