//! Generated: empty async tests.

use crate::Case;

async fn t_0001() {
    std::hint::black_box(1_u64);
}

inventory::submit! {
    Case {
        name: concat!(module_path!(), "::t_0001"),
        body: || Box::pin(t_0001()),
    }
}
