//! The envelope of a mail: who sends it to whom, whatever its headers say.

use crate::identifier::is_identifier;

/// The most recipients that a text names.
const MAX_SHOWN: usize = 3;

/// The envelope of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) sender: String,
    pub(super) recipients: Vec<String>,
}

impl Envelope {
    /// Whether the mail goes to this address.
    pub(super) fn has_recipient(&self, address: &str) -> bool {
        self.recipients.iter().any(|recipient| is_same_address(recipient, address))
    }

    /// The recipients in one line: `ada@example.org, bob@example.org`.
    pub(super) fn shown_recipients(&self) -> String {
        in_one_line(self.recipients.iter().map(String::as_str))
    }

    /// The name of the delivery for `--faults`, which is the same each time that a test runs: generated parts of an address are left out.
    pub(super) fn operation_of_call(&self) -> String {
        let stable: Vec<String> = self.recipients.iter().map(|address| without_identifier(address)).collect();
        format!("SEND {}", in_one_line(stable.iter().map(String::as_str)))
    }
}

/// Whether two addresses are the same. The case of a domain does not matter (RFC 5321, section 2.4).
pub(super) fn is_same_address(left: &str, right: &str) -> bool {
    match (left.rsplit_once('@'), right.rsplit_once('@')) {
        (Some((left, left_domain)), Some((right, right_domain))) => {
            left == right && left_domain.eq_ignore_ascii_case(right_domain)
        }
        _ => left == right,
    }
}

fn in_one_line<'a>(addresses: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = addresses.len().saturating_sub(MAX_SHOWN);
    let shown: Vec<&str> = addresses.take(MAX_SHOWN).collect();
    let suffix = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{suffix}", shown.join(", "))
}

/// An address without a generated name: `{}@example.org`.
fn without_identifier(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if is_identifier(local) => format!("{{}}@{domain}"),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(recipients: &[&str]) -> Envelope {
        Envelope { sender: String::new(), recipients: recipients.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn name_of_a_call_has_no_generated_address() {
        assert_eq!(envelope(&["ada@example.org"]).operation_of_call(), "SEND ada@example.org");
        assert_eq!(envelope(&["user-8f14e45f@example.org"]).operation_of_call(), "SEND {}@example.org");
    }

    #[test]
    fn many_recipients_are_shortened() {
        assert_eq!(envelope(&["a@b", "c@d", "e@f", "g@h", "i@j"]).shown_recipients(), "a@b, c@d, e@f and 2 more");
    }
}
