//! Snapshots of insta: each case has a file of its own, whichever cases ran before it in its process.

use itest::prelude::*;

#[integration_test(tags("snapshots"))]
#[case::short("Emma")]
#[case::long("Persuasion")]
fn each_case_has_a_snapshot_of_its_own(info: &TestInfo, #[case] title: &str, #[values(1, 2)] copies: u8) {
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
#[over(Shelf = [InMemory])]
#[case(1)]
#[case::named(2)]
fn case_has_a_name_for_files<Shelf: std::fmt::Debug>(info: &TestInfo, shelf: &Shelf, #[case] number: u8) {
    let row = if number == 1 { "case_1" } else { "named" };
    assert_eq!(info.case(), format!("in_memory__{row}"), "{shelf:?}");
}
