//! An object that a test stores.

use std::collections::BTreeMap;

/// An object that a test stores with [`Bucket::put`](super::Bucket::put): its bytes, and optionally a content type and metadata.
///
/// # Examples
///
/// ```
/// use itest::s3::NewObject;
///
/// let report = NewObject::new("a;b").content_type("text/csv").metadata("author", "ada");
/// # drop(report);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "the object is not stored until it is passed to `Bucket::put`"]
pub struct NewObject {
    pub(super) bytes: Vec<u8>,
    pub(super) content_type: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl NewObject {
    /// An object without a content type and metadata.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), ..Self::default() }
    }

    /// Sets the content type, such as `image/png`.
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        Self { content_type: Some(content_type.into()), ..self }
    }

    /// Adds metadata. The name is without `x-amz-meta-`, and in lower case.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into().to_lowercase(), value.into());
        self
    }
}

impl From<Vec<u8>> for NewObject {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<&[u8]> for NewObject {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for NewObject {
    fn from(bytes: &[u8; N]) -> Self {
        Self::new(bytes)
    }
}

impl From<&str> for NewObject {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for NewObject {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// JSON, with its content type.
impl From<serde_json::Value> for NewObject {
    fn from(json: serde_json::Value) -> Self {
        Self::new(json.to_string()).content_type("application/json")
    }
}
