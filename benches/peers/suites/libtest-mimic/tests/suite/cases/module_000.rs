//! Generated: empty async tests.

use std::pin::pin;

use libtest_mimic::Trial;

use crate::run;

async fn t_0001() {
    std::hint::black_box(1_u64);
}

pub(crate) fn collect(trials: &mut Vec<Trial>) {
    let name = concat!(module_path!(), "::t_0001");
    trials.push(Trial::test(name, || run(pin!(t_0001()))));
}
