//! The ports in a compose file.

use serde_json::Value;

/// A port of a service inside of its container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InnerPort {
    pub(super) number: u16,
    /// `tcp` or `udp`.
    pub(super) protocol: String,
}

impl InnerPort {
    /// A port of TCP.
    pub(super) fn tcp(number: u16) -> Self {
        Self { number, protocol: "tcp".to_owned() }
    }

    /// The port as an entry of `ports` that publishes it on a free port: `127.0.0.1::8080/tcp`, or `8080/tcp` without an address.
    pub(super) fn published_at(&self, address: Option<&str>) -> String {
        let address = address.map(|address| format!("{address}::")).unwrap_or_default();
        format!("{address}{}/{}", self.number, self.protocol)
    }
}

/// The inner ports of an entry of `ports`: `8080`, `127.0.0.1:80:8080/tcp`, `7000-7001:7000-7001`, or a mapping with `target` and `protocol`.
pub(super) fn inner_ports(entry: &Value) -> Vec<InnerPort> {
    match entry {
        Value::Object(mapping) => {
            let target = match mapping.get("target") {
                Some(Value::String(text)) => text.clone(),
                Some(number) => number.to_string(),
                None => return Vec::new(),
            };
            ports_of_range(&target, mapping.get("protocol").and_then(Value::as_str).unwrap_or("tcp"))
        }
        Value::String(text) => {
            let (ports, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
            ports_of_range(ports.rsplit(':').next().unwrap_or(ports), protocol)
        }
        number => ports_of_range(&number.to_string(), "tcp"),
    }
}

fn ports_of_range(text: &str, protocol: &str) -> Vec<InnerPort> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { return Vec::new() };
    (first..=last).map(|number| InnerPort { number, protocol: protocol.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn inner_port_of_each_notation_is_read() {
        let udp = |number| InnerPort { number, protocol: "udp".to_owned() };
        for (entry, expected) in [
            (json!(8080), vec![InnerPort::tcp(8080)]),
            (json!("8080"), vec![InnerPort::tcp(8080)]),
            (json!("80:8080"), vec![InnerPort::tcp(8080)]),
            (json!("127.0.0.1:80:8080/tcp"), vec![InnerPort::tcp(8080)]),
            (json!("[::1]:80:8080"), vec![InnerPort::tcp(8080)]),
            (json!("53:53/udp"), vec![udp(53)]),
            (json!("7000-7001:7000-7001"), vec![InnerPort::tcp(7000), InnerPort::tcp(7001)]),
            (json!({"target": 53, "published": "53", "protocol": "udp"}), vec![udp(53)]),
            (json!({"target": 80, "published": 8080}), vec![InnerPort::tcp(80)]),
            (json!("nonsense"), vec![]),
        ] {
            assert_eq!(inner_ports(&entry), expected, "{entry}");
        }
    }

    #[test]
    fn port_is_published_on_a_free_port() {
        assert_eq!(InnerPort::tcp(80).published_at(Some("127.0.0.1")), "127.0.0.1::80/tcp");
        assert_eq!(InnerPort::tcp(80).published_at(None), "80/tcp");
    }
}
