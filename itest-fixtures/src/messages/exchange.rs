//! The messages of a test in the record of the run.

use itest_runtime::__private::{Exchange, redacted};
use itest_runtime::Fault;

use super::direction::Direction;
use super::message::Message;
use super::recorder::Messages;
use crate::shown::{MAX_CHARS_IN_EXCHANGE, shown_body};

impl Messages {
    pub(super) fn add_unroutable_exchange(&self, message: &Message, reason: &str) {
        let mut exchange = Exchange::new(self.protocol().name(), "", message.phase());
        exchange.at = message.elapsed();
        exchange.status = Some(format!("unroutable: {reason}"));
        let message = message.clone();
        self.info().add_exchange(exchange, move |exchange| {
            exchange.operation = format!("RETURN {}", redacted(message.topic()));
        });
    }

    pub(super) fn add_exchange(&self, direction: Direction, message: &Message, fault: Option<Fault>) {
        let mut exchange = Exchange::new(self.protocol().name(), "", message.phase());
        exchange.at = message.elapsed();
        exchange.fault = fault.map(|fault| fault.to_string());
        exchange.status = fault.is_none_or(Fault::is_processed).then(|| direction.done().to_owned());
        let bytes = message.bytes().len() as u64;
        match direction {
            Direction::Publication => exchange.request_bytes = bytes,
            Direction::Delivery => exchange.response_bytes = bytes,
        }
        let message = message.clone();
        self.info().add_exchange(exchange, move |exchange| {
            exchange.operation = direction.operation(message.topic());
            let body = shown_body(message.bytes(), MAX_CHARS_IN_EXCHANGE).0;
            match direction {
                Direction::Publication => exchange.request = body,
                Direction::Delivery => exchange.response = body,
            }
        });
    }
}
