//! Generated: empty async tests.

use test_r::test;

#[test]
async fn t_0001() {
    std::hint::black_box(1_u64);
}
