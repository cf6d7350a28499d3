use itest::prelude::*;

struct Suite;

macro_rules! tests {
    ($name:ident) => {
        impl Suite {
            #[integration_test]
            fn $name(self: &Self) {}
        }
    };
}

tests!(it_works);

fn main() {}
