//! Snapshots of insta: each case has its own file, whichever cases ran before it in the process.

use itest::prelude::*;

#[integration_test(tags("snapshots"))]
#[case::short("Emma")]
#[case::long("Persuasion")]
fn each_case_has_its_own_snapshot(info: &TestInfo, #[case] title: &str, #[values(1, 2)] copies: u8) {
    insta::with_settings!({ snapshot_suffix => info.case() }, {
        insta::assert_snapshot!("order", format!("{copies} of {title}"));
    });
}

#[integration_test(tags("snapshots"))]
async fn test_without_cases_has_a_snapshot_without_suffix(info: &TestInfo) {
    insta::with_settings!({ snapshot_suffix => info.case() }, {
        insta::assert_snapshot!("single_order", "1 of Emma");
    });
}

#[derive(Debug)]
struct InMemory;

#[fixture]
fn in_memory() -> InMemory {
    InMemory
}

#[integration_test(tags("snapshots"))]
#[over(Store = [InMemory])]
#[case(1)]
#[case::named(2)]
fn case_name_is_usable_as_file_name<Store: std::fmt::Debug>(info: &TestInfo, store: &Store, #[case] number: u8) {
    let row = if number == 1 { "case_1" } else { "named" };
    assert_eq!(info.case(), format!("in_memory__{row}"), "{store:?}");
}
