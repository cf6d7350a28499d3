//! What the compiler says about mistakes, and what it must not complain about.

#[test]
fn mistakes() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn programs() {
    trybuild::TestCases::new().pass("tests/pass/*.rs");
}
