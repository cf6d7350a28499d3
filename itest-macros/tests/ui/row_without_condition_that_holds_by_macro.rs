use itest::prelude::*;

macro_rules! tests {
    ($name:ident) => {
        #[integration_test]
        #[cfg_attr(windows, case(1))]
        fn $name(#[case] _number: u8) {}
    };
}

tests!(it_works);

fn main() {}
