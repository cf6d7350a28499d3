//! Contracts: what the parties of an exchange have agreed on. A contract judges requests, answers and messages, and states where they break
//! it: the pointer, what it allows, what is there, and the line of its source.

mod compiled;
mod declaration;
mod dialect;
mod document;
mod explanation;
mod http_parts;
mod json;
mod judge;
mod keywords;
mod lines;
mod mode;
mod openapi;
mod part;
mod pointer;
mod preparation;
mod problem;
mod schemas;
mod source_file;
mod sources;
mod strict_json;
#[cfg(test)]
mod tests;
mod yaml;

pub use declaration::Contract;
pub(crate) use http_parts::{AnswerParts, RequestParts};
pub(crate) use judge::{Judge, message};
