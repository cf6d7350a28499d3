//! Generated: the modules of the suite.

mod module_000;

use libtest_mimic::Trial;

pub(crate) fn collect(trials: &mut Vec<Trial>) {
    module_000::collect(trials);
}
