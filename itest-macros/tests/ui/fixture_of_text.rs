use itest::prelude::*;

#[fixture]
async fn url() -> Result<String> {
    Ok("http://localhost".to_owned())
}

fn main() {}
