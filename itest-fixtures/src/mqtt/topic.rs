//! Topics of MQTT.

use itest_runtime::Error;

use crate::failure::with_action;
use crate::messages::Content;

/// The longest topic, and the longest name or value of a header.
const MAX_TEXT_BYTES: usize = 65_535;

/// The largest body with its headers. A packet has at most 268,435,455 bytes, and contains some other fields.
const MAX_MESSAGE_BYTES: usize = 268_000_000;

/// Whether a topic matches a filter, in which `+` stands for a level and a last `#` for all levels that follow, and for none.
///
/// A filter of a shared subscription, `$share/group/filter`, matches what its last part matches. A wildcard at the beginning matches no topic that
/// begins with `$`.
pub(super) fn matches(filter: &str, topic: &str) -> bool {
    let shared = filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
    let filter = shared.map_or(filter, |(_, filter)| filter);
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) => return filter.next().is_none(),
            (Some(wanted), Some(level)) if wanted == level || wanted == "+" => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// Whether the server publishes messages about itself on a topic.
pub(super) fn is_internal(topic: &str) -> bool {
    topic.starts_with("$SYS/")
}

/// Refuses a message that does not fit in a packet, or whose topic is a filter.
///
/// # Errors
///
/// The error names the part that is wrong.
pub(super) fn check(content: &Content) -> Result<(), Error> {
    let Content { topic, headers, body, .. } = content;
    let fits = |text: &str| text.len() <= MAX_TEXT_BYTES && !text.contains('\0');
    if topic.is_empty() || topic.contains(['+', '#']) || !fits(topic) {
        return Err(with_action("publish a message", &format!("{topic:?} is no topic of MQTT")));
    }
    if let Some((name, _)) = headers.iter().find(|(name, value)| !fits(name) || !fits(value)) {
        return Err(with_action("publish a message", &format!("{name:?} is no header of MQTT")));
    }
    let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if body.len().saturating_add(headers) > MAX_MESSAGE_BYTES {
        return Err(with_action("publish a message", "the message is larger than a packet of MQTT"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_whole_levels() {
        for (filter, topic, expected) in [
            ("order/paid", "order/paid", true),
            ("order/paid", "order/paid/late", false),
            ("order/+", "order/paid", true),
            ("order/+", "order", false),
            ("order/+", "order/", true),
            ("order/+", "order/paid/late", false),
            ("+/paid", "order/paid", true),
            ("+/+", "/paid", true),
            ("order/#", "order/paid/late", true),
            ("order/#", "order", true),
            ("order/#", "orders", false),
            ("#", "order", true),
            ("#", "$SYS/uptime", false),
            ("+/uptime", "$SYS/uptime", false),
            ("$SYS/#", "$SYS/uptime", true),
            ("$share/workers/order/+", "order/paid", true),
            ("$share/workers/order/+", "order", false),
            ("order/p+", "order/paid", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }
}
