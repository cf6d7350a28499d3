use itest::prelude::*;

trait Suite: Sized {
    #[fixture(scope = "worker")]
    fn database() -> Result<Self> {
        todo!()
    }
}

fn main() {}
