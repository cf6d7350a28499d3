use itest::prelude::*;

struct Database;

unsafe extern "C" {
    #[fixture]
    fn database() -> Database;
}

fn main() {}
