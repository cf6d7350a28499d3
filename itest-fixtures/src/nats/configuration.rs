//! The configuration of a server that itest starts.

use crate::service::password::Password;

/// The user of the tests.
pub(super) const TEST_USER: &str = "itest";

/// The account of the tests.
pub(super) const TEST_ACCOUNT: &str = "ITEST";

/// The user of the system account, as which itest queries the connections and the use of `JetStream`.
pub(super) const SYSTEM_USER: &str = "itest-system";

/// The accounts of a server: one for the tests, with `JetStream`, and one for itest.
///
/// The passwords are in quotation marks, because the server would take digits for a number.
pub(super) fn accounts(password: &Password) -> String {
    let password = password.expose();
    format!(
        "system_account: SYSTEM\n\
         accounts {{\n\
         \x20 SYSTEM {{ users: [ {{ user: \"{SYSTEM_USER}\", password: \"{password}\" }} ] }}\n\
         \x20 {TEST_ACCOUNT} {{ jetstream: enabled, users: [ {{ user: \"{TEST_USER}\", password: \"{password}\" }} ] }}\n\
         }}\n"
    )
}
