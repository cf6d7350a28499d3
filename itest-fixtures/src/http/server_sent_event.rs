//! Server-sent events, parsed as the HTML standard says ("Interpreting an event stream").

use std::collections::VecDeque;

use itest_runtime::Error;
use serde::de::DeserializeOwned;

/// An event of a stream with the content type `text/event-stream`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerSentEvent {
    /// The last id of the stream so far. It is empty if the service has sent none.
    pub id: String,
    /// The type of the event, which is `message` if the service has sent none.
    pub event: String,
    /// The data. Several lines are separated by line feeds.
    pub data: String,
}

impl ServerSentEvent {
    /// The data, parsed as JSON.
    ///
    /// # Errors
    ///
    /// When the data is not JSON, or does not match the type.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match serde_json::from_str(&self.data) {
            Ok(data) => Ok(data),
            Err(error) => {
                let type_name = std::any::type_name::<T>();
                Err(Error::new(format!("the data of the event {:?} is no {type_name}: {error}", self.event)))
            }
        }
    }
}

/// Parses the bytes of a stream, which may be cut anywhere.
#[derive(Debug, Default)]
pub(super) struct EventParser {
    /// The bytes of a line that has not ended yet.
    line: Vec<u8>,
    lines: LineState,
    last_id: String,
    event: String,
    data: String,
    /// The events that have ended.
    events: VecDeque<ServerSentEvent>,
}

/// Where in the stream a line begins.
#[derive(Debug, Default, PartialEq, Eq)]
enum LineState {
    #[default]
    FirstLine,
    AfterCarriageReturn,
    LaterLine,
}

impl EventParser {
    /// Adds bytes of the stream.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                // CR LF is one end of a line.
                b'\n' if self.lines == LineState::AfterCarriageReturn => self.lines = LineState::LaterLine,
                b'\n' => self.end_line(LineState::LaterLine),
                b'\r' => self.end_line(LineState::AfterCarriageReturn),
                byte => {
                    if self.lines == LineState::AfterCarriageReturn {
                        self.lines = LineState::LaterLine;
                    }
                    self.line.push(*byte);
                }
            }
        }
    }

    /// The next event that has ended.
    pub(super) fn next(&mut self) -> Option<ServerSentEvent> {
        self.events.pop_front()
    }

    fn end_line(&mut self, next: LineState) {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let is_first = std::mem::replace(&mut self.lines, next) == LineState::FirstLine;
        self.interpret(if is_first { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line });
    }

    fn interpret(&mut self, line: &str) {
        if line.is_empty() {
            self.end_event();
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.last_id),
            // A comment has an empty name. The time until a new connection (`retry`) and unknown fields have no effect here.
            _ => {}
        }
    }

    fn end_event(&mut self) {
        let (event, mut data) = (std::mem::take(&mut self.event), std::mem::take(&mut self.data));
        // Lines without data, such as an id alone, are no event.
        if data.pop().is_some() {
            let event = if event.is_empty() { "message".to_owned() } else { event };
            self.events.push_back(ServerSentEvent { id: self.last_id.clone(), event, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, event: &str, data: &str) -> ServerSentEvent {
        ServerSentEvent { id: id.to_owned(), event: event.to_owned(), data: data.to_owned() }
    }

    fn events(parts: &[&[u8]]) -> Vec<ServerSentEvent> {
        let mut parser = EventParser::default();
        for part in parts {
            parser.add(part);
        }
        std::iter::from_fn(|| parser.next()).collect()
    }

    const STREAM: &str = "\u{feff}: a comment\nid: 1\nevent: paid\ndata: {\"a\":\ndata:7}\n\nid: 2\n\ndata\r\n\r\n\
                          data: é\rretry: 5\runknown: x\r\rdata: without an end";

    #[test]
    fn events_are_parsed_however_the_stream_is_cut() {
        let expected = [event("1", "paid", "{\"a\":\n7}"), event("2", "message", ""), event("2", "message", "é")];
        assert_eq!(events(&[STREAM.as_bytes()]), expected);
        for cut in 0..STREAM.len() {
            let (one, other) = STREAM.as_bytes().split_at(cut);
            assert_eq!(events(&[one, other]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = STREAM.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes), expected);
    }

    #[test]
    fn data_is_parsed_as_json() {
        assert_eq!(event("", "paid", "[1, 2]").json::<Vec<u32>>().unwrap(), [1, 2]);
        let error = event("", "paid", "s3cret").json::<u32>().unwrap_err().to_string();
        assert!(
            error.starts_with("the data of the event \"paid\" is no u32: ") && !error.contains("s3cret"),
            "{error}"
        );
    }
}
