use itest::prelude::*;

struct Bucket;

impl Drop for Bucket {
    #[teardown]
    fn drop(&mut self) {}
}

fn main() {}
