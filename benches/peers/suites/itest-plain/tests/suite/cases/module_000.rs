//! Generated: empty async tests.

#[itest::integration_test]
async fn t_0001() {
    std::hint::black_box(1_u64);
}
