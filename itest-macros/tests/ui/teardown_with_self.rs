use itest::prelude::*;

struct Bucket;

impl Bucket {
    #[teardown]
    async fn empty(self) {}
}

fn main() {}
