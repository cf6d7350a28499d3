use itest::prelude::*;

trait Bucket {
    #[teardown]
    async fn empty(_name: String) {}
}

fn main() {}
