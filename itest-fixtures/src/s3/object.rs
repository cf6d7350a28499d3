//! An object, as a test reads it.

use std::collections::BTreeMap;
use std::fmt;

use hyper::body::Bytes;
use itest_runtime::__private::redacted_value;
use itest_runtime::Error;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::failed_to;
use crate::shown::{MAX_CHARS_IN_EXCHANGE, redacted_at, shown_body};

/// An object of a bucket, as it was when the test read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub(super) key: String,
    pub(super) bytes: Bytes,
    pub(super) e_tag: String,
    pub(super) content_type: String,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Object {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes as a text.
    ///
    /// # Errors
    ///
    /// When the bytes are not UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.bytes)
            .map_err(|error| failed_to(&format!("read the object {} as a text", self.key), &error))
    }

    /// The JSON in the object.
    ///
    /// # Errors
    ///
    /// When the bytes are not JSON, or not the JSON of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes)
            .map_err(|error| failed_to(&format!("read the object {} as JSON", self.key), &error))
    }

    /// The entity tag without quotation marks: the MD5 of the bytes, unless the object was uploaded in parts.
    #[must_use]
    pub fn e_tag(&self) -> &str {
        &self.e_tag
    }

    /// The content type: `binary/octet-stream` if the object was stored without one.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The metadata of this name, which is without `x-amz-meta-`.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.get(&name.to_lowercase()).map(String::as_str)
    }

    /// Fails unless the object has this content type.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the object.
    #[track_caller]
    pub fn assert_content_type(&self, expected: &str) -> &Self {
        assert!(self.content_type() == expected, "expected the content type {expected}\n{self}");
        self
    }

    /// Fails unless the object has this metadata.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the object.
    #[track_caller]
    pub fn assert_metadata(&self, name: &str, expected: &str) -> &Self {
        let shown = redacted_value(name, expected);
        assert!(self.metadata(name) == Some(expected), "expected the metadata {name}: {shown}\n{self}");
        self
    }

    /// Fails unless the object is exactly this text.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the object.
    #[track_caller]
    pub fn assert_text(&self, expected: &str) -> &Self {
        let (shown, _) = shown_body(expected.as_bytes(), MAX_CHARS_IN_EXCHANGE);
        assert!(*self.bytes == *expected.as_bytes(), "expected the text {shown:?}\n{self}");
        self
    }

    /// Fails unless the object is JSON that has this value at a pointer, such as `/items/0`. The empty pointer is the whole value.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the object.
    #[track_caller]
    pub fn assert_json(&self, pointer: &str, expected: impl Into<Value>) -> &Self {
        let expected = expected.into();
        let json: Option<Value> = serde_json::from_slice(&self.bytes).ok();
        let actual = json.as_ref().and_then(|json| json.pointer(pointer));
        let shown = redacted_at(pointer, &expected);
        assert!(actual == Some(&expected), "expected {shown} at {pointer:?} in the JSON\n{self}");
        self
    }
}

impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, bytes, content_type, metadata, .. } = self;
        write!(formatter, "object {key}: {} bytes, {content_type}", bytes.len())?;
        for (name, value) in metadata {
            write!(formatter, "\n  {name}: {}", redacted_value(name, value))?;
        }
        let (shown, _) = shown_body(bytes, MAX_CHARS_IN_EXCHANGE);
        write!(formatter, "\n{shown}")
    }
}
