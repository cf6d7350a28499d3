//! Tests that generate data and write it to the file that `JOURNAL` names, one line for each value: `what test value`.

use std::fs::OpenOptions;
use std::io::Write;

use itest::data::fake::faker::name::en::Name;
use itest::prelude::*;

itest::main!();

fn note(what: &str, info: &TestInfo, value: &str) {
    let Ok(path) = std::env::var("JOURNAL") else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    let line = format!("{what} {} {value}\n", info.id());
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the journal can be written");
}

#[derive(Debug)]
struct NewUser {
    email: String,
    name: String,
    admin: bool,
}

impl Factory for NewUser {
    fn make(data: &Data) -> Self {
        Self { email: data.email(), name: data.fake(Name()), admin: false }
    }
}

/// A fixture makes this user from the same data source as the test.
struct Owner(NewUser);

#[fixture]
fn owner(data: &Data) -> Owner {
    Owner(data.make_with(|user: &mut NewUser| user.admin = true))
}

#[integration_test]
fn makes(
    owner: &Owner,
    data: &Data,
    other: Data,
    info: &TestInfo,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)] _number: u32,
) {
    assert!(owner.0.admin);
    let users: Vec<NewUser> = data.many(5);
    assert!(users.iter().all(|user| !user.admin));
    for user in users.iter().chain([&owner.0]).chain(&other.many::<NewUser>(2)) {
        assert!(user.name.contains(' '), "{user:?}");
        note("text", info, &user.email);
    }
    for _ in 0..3 {
        note("text", info, &data.unique("invoice"));
        note("number", info, &data.unique_number().to_string());
        note("number", info, &other.unique_number().to_string());
    }
    note("sequence", info, &format!("{} {} {}", data.sequence("a"), data.sequence("b"), data.sequence("a")));
}

/// Writes the attempt, the round, a key, a number and a name to the journal.
#[integration_test(retries = 2, ignore = "passes in its third attempt only")]
fn passes_at_last(info: &TestInfo, data: &Data) {
    let (attempt, round) = (info.attempt(), info.round());
    let (key, number, name): (_, _, String) = (data.unique("order"), data.unique_number(), data.fake(Name()));
    note("attempt", info, &format!("{attempt} {round} {key} {number} {}", name.replace(' ', "_")));
    assert_eq!(attempt, 3);
}

#[integration_test(ignore = "for tests of rounds")]
fn passes_at_once(info: &TestInfo, data: &Data) {
    let (attempt, round) = (info.attempt(), info.round());
    let (key, number, name): (_, _, String) = (data.unique("order"), data.unique_number(), data.fake(Name()));
    note("attempt", info, &format!("{attempt} {round} {key} {number} {}", name.replace(' ', "_")));
}
