//! The text of the generated tests: the same empty async functions, in the syntax of each peer.

use std::fmt::Write as _;
use std::ops::Range;

use crate::suite::Suite;

/// The number of tests in one source file.
pub(crate) const TESTS_PER_MODULE: usize = 100;

/// The test with a literal in its body, which rebuilds change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edited {
    pub(crate) test: usize,
    pub(crate) literal: u64,
}

/// The text of `cases/mod.rs`.
pub(crate) fn module_list(suite: Suite, modules: usize) -> String {
    let mut text = String::from("//! Generated: the modules of the suite.\n\n");
    for module in 0..modules {
        let _ = writeln!(text, "mod {};", module_name(module));
    }
    if suite == Suite::LibtestMimic {
        text.push_str("\nuse libtest_mimic::Trial;\n\n");
        text.push_str("pub(crate) fn collect(trials: &mut Vec<Trial>) {\n");
        for module in 0..modules {
            let _ = writeln!(text, "    {}::collect(trials);", module_name(module));
        }
        text.push_str("}\n");
    }
    text
}

/// The text of one module with the tests of these numbers.
pub(crate) fn module(suite: Suite, numbers: Range<usize>, edited: Edited) -> String {
    let mut text = String::from("//! Generated: empty async tests.\n");
    text.push_str(match suite {
        Suite::Libtest | Suite::Itest | Suite::ItestPlain | Suite::ItestDynamic => "",
        Suite::LibtestMimic => "\nuse std::pin::pin;\n\nuse libtest_mimic::Trial;\n\nuse crate::run;\n",
        Suite::LibtestMimicInventory => "\nuse crate::Case;\n",
        Suite::TestR => "\nuse test_r::test;\n",
    });
    for number in numbers.clone() {
        text.push('\n');
        text.push_str(match suite {
            Suite::Libtest => "#[tokio::test]\n",
            Suite::Itest | Suite::ItestPlain | Suite::ItestDynamic => "#[itest::integration_test]\n",
            Suite::TestR => "#[test]\n",
            Suite::LibtestMimic | Suite::LibtestMimicInventory => "",
        });
        let _ = writeln!(text, "async fn {}() {}", test_name(number), body(number, edited));
        if suite == Suite::LibtestMimicInventory {
            let _ = write!(
                text,
                "\ninventory::submit! {{\n    Case {{\n        \
                 name: concat!(module_path!(), \"::{0}\"),\n        \
                 body: || Box::pin({0}()),\n    }}\n}}\n",
                test_name(number)
            );
        }
    }
    if suite == Suite::LibtestMimic {
        text.push_str("\npub(crate) fn collect(trials: &mut Vec<Trial>) {\n");
        for number in numbers {
            let _ = writeln!(
                text,
                "    let name = concat!(module_path!(), \"::{0}\");\n    \
                 trials.push(Trial::test(name, || run(pin!({0}()))));",
                test_name(number)
            );
        }
        text.push_str("}\n");
    }
    text
}

pub(crate) fn module_name(module: usize) -> String {
    format!("module_{module:03}")
}

fn test_name(number: usize) -> String {
    format!("t_{number:04}")
}

fn body(number: usize, edited: Edited) -> String {
    if number == edited.test {
        // Without `black_box`, the compiler would remove the literal.
        format!("{{\n    std::hint::black_box({}_u64);\n}}", edited.literal)
    } else {
        "{}".to_owned()
    }
}
