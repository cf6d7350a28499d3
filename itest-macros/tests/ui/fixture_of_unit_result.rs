use itest::prelude::*;

#[fixture]
async fn migrations() -> Result<()> {
    Ok(())
}

fn main() {}
