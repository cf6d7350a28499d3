use itest::prelude::*;

#[integration_test]
#[case("a")]
fn names_are_text(#[case] name: impl Into<String>) {
    let _: String = name.into();
}

fn main() {}
