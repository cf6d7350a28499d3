//! The topic of a message: its exchange and its routing key.
//!
//! A message to the exchange `shop` with the routing key `order.paid` has the topic `shop/order.paid`. A message to the default exchange has its
//! routing key as its topic, which is the name of the queue that gets it.

/// The topic of a message.
pub(super) fn topic_of(exchange: &str, key: &str) -> String {
    if exchange.is_empty() && !key.contains('/') { key.to_owned() } else { format!("{exchange}/{key}") }
}

/// The exchange and the routing key of a topic.
pub(super) fn split(topic: &str) -> (&str, &str) {
    topic.split_once('/').unwrap_or(("", topic))
}

/// Whether a topic matches a pattern, which is `exchange/key` or a routing key for every exchange. In the routing key, `*` stands for a word and `#`
/// for any number of words, as in bindings.
pub(super) fn matches(pattern: &str, topic: &str) -> bool {
    let (exchange, key) = split(topic);
    let with_exchange = || {
        let (expected_exchange, expected_key) = pattern.split_once('/')?;
        Some(expected_exchange == exchange && key_matches(expected_key, key))
    };
    key_matches(pattern, key) || with_exchange() == Some(true)
}

fn key_matches(pattern: &str, key: &str) -> bool {
    let (pattern, key): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), key.split('.').collect());
    words_match(&pattern, &key)
}

/// Whether the words of a key match those of a pattern. For each word of the pattern it computes which beginnings of the key match so far, because a
/// recursion would take exponential time for a pattern with many `#`.
fn words_match(pattern: &[&str], key: &[&str]) -> bool {
    // Before the first word of the pattern, only the empty beginning of the key matches.
    let mut matching = vec![false; key.len() + 1];
    matching[0] = true;
    for word in pattern {
        let previous = matching.clone();
        let mut any_before = false;
        for length in 0..=key.len() {
            any_before |= previous[length];
            matching[length] = match *word {
                "#" => any_before,
                _ if length == 0 => false,
                "*" => previous[length - 1],
                _ => previous[length - 1] && key[length - 1] == *word,
            };
        }
    }
    matching[key.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_names_a_key_or_an_exchange_and_a_key() {
        for (pattern, topic, expected) in [
            ("order.paid", "shop/order.paid", true),
            ("shop/order.paid", "shop/order.paid", true),
            ("bank/order.paid", "shop/order.paid", false),
            ("invoices", "invoices", true),
            ("order.*", "shop/order.paid", true),
            ("order.*", "shop/order.paid.late", false),
            ("order.#", "shop/order.paid.late", true),
            ("order.#", "shop/order", true),
            ("#", "shop/order", true),
            ("shop/#", "shop/", true),
            ("shop/", "shop/", true),
            ("#.late", "shop/order.paid.late", true),
            ("*.#.late", "shop/late", false),
            ("#.#.#.#.#.#.#.#.#.#.x", "shop/a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p", false),
            ("a/b", "/a/b", true),
        ] {
            assert_eq!(matches(pattern, topic), expected, "{pattern} {topic}");
        }
    }

    #[test]
    fn topic_is_split_into_its_exchange_and_key() {
        for (exchange, key, topic) in [("", "q", "q"), ("e", "k", "e/k"), ("e", "", "e/"), ("", "a/b", "/a/b")] {
            assert_eq!(topic_of(exchange, key), topic);
            assert_eq!(split(topic), (exchange, key));
        }
    }
}
