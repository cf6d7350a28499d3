use itest::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Bucket;

impl Bucket {
    #[teardown]
    async fn empty(_bucket: Self) {}
}

fn main() {}
