//! Subjects of NATS.

use itest_runtime::Error;

use crate::failure::with_action;
use crate::messages::Content;

/// Whether a subject matches a pattern, in which `*` stands for a token and a last `>` for one or more tokens.
pub(super) fn matches(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (Some(">"), Some(_)) => return pattern.next().is_none(),
            (Some(wanted), Some(token)) if wanted == token || wanted == "*" => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// Whether clients and the server use a subject among themselves: for replies, and for the API of `JetStream`.
pub(super) fn is_internal(subject: &str) -> bool {
    ["_INBOX.", "$JS.", "$SYS.", "$SRV."].iter().any(|prefix| subject.starts_with(prefix))
}

/// Whether a message on this subject acknowledges a delivery of `JetStream`.
pub(super) fn is_acknowledgement(subject: &str) -> bool {
    subject.starts_with("$JS.ACK.")
}

/// Refuses a message that cannot be sent as one frame: the server would read the text after a line break as another frame.
///
/// # Errors
///
/// The error names the part that is wrong.
pub(super) fn check(content: &Content) -> Result<(), Error> {
    let Content { topic, headers, .. } = content;
    if topic.is_empty() || topic.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err(with_action("publish a message", &format!("{topic:?} is no subject of NATS")));
    }
    let has_break = |text: &str| text.contains(['\r', '\n']);
    match headers
        .iter()
        .find(|(name, value)| name.is_empty() || name.contains(':') || has_break(name) || has_break(value))
    {
        Some((name, _)) => Err(with_action("publish a message", &format!("{name:?} is no header of NATS"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_whole_tokens() {
        for (pattern, subject, expected) in [
            ("order.paid", "order.paid", true),
            ("order.paid", "order.paid.late", false),
            ("order.paid.late", "order.paid", false),
            ("order.*", "order.paid", true),
            ("order.*", "order.paid.late", false),
            ("*.paid", "order.paid", true),
            ("order.>", "order.paid.late", true),
            ("order.>", "order", false),
            (">", "order", true),
            ("order.p*", "order.paid", false),
        ] {
            assert_eq!(matches(pattern, subject), expected, "{pattern} {subject}");
        }
    }
}
