//! The messages that make PostgreSQL itself fail a statement, so that the transaction is in the state that a real failure leaves: aborted, and
//! after a failed `COMMIT` rolled back.

use std::sync::atomic::{AtomicU64, Ordering};

use itest_runtime::SqlState;

use super::session::{Execution, Session, Step};

/// The messages to send instead of a statement. This function adds the steps whose answers the client
/// must not see to the session.
pub(super) fn failing_statement(session: &mut Session, code: SqlState, sql: &str, execution: Execution) -> Vec<u8> {
    let fail = format!("DO $$ BEGIN RAISE EXCEPTION 'a fault was injected' USING ERRCODE = '{code}'; END $$");
    if execution == Execution::Query {
        let text = if ends_transaction(sql) { format!("ROLLBACK; {fail}\0") } else { format!("{fail}\0") };
        return with_head(b'Q', text.as_bytes());
    }
    let mut messages = Vec::new();
    if ends_transaction(sql) {
        messages.extend(execution_of("ROLLBACK"));
        for step in [Step::Parse, Step::Bind, Step::Execute] {
            session.begin_own(step);
        }
    }
    session.begin_own(Step::Parse);
    session.begin_own(Step::Bind);
    messages.extend(execution_of(&fail));
    messages
}

/// Whether a statement ends a transaction.
fn ends_transaction(sql: &str) -> bool {
    let first = sql.split(|character: char| !character.is_ascii_alphabetic()).find(|word| !word.is_empty());
    first.is_some_and(|word| ["COMMIT", "END", "ROLLBACK", "ABORT"].iter().any(|end| word.eq_ignore_ascii_case(end)))
}

/// The messages that parse, bind and execute a text. Statement and portal have a name that no client uses, and exist until the
/// session ends.
fn execution_of(sql: &str) -> Vec<u8> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("itest_fault_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let parse = with_head(b'P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0", &[0, 0]].concat());
    let bind = with_head(b'B', &[name.as_bytes(), b"\0", name.as_bytes(), b"\0", &[0; 6]].concat());
    let execute = with_head(b'E', &[name.as_bytes(), b"\0", &[0; 4]].concat());
    [parse, bind, execute].concat()
}

/// A message of this type.
fn with_head(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 4).unwrap_or(u32::MAX);
    [&[kind][..], &length.to_be_bytes(), payload].concat()
}
