//! A part of a contract, with its place in the source.

use reqwest::Url;
use serde_json::Value;

use super::pointer;
use super::problem::ContractProblem;
use super::source_file::SourceFile;
use super::sources::Sources;

/// How many references may follow each other.
const MAX_REFERENCES: usize = 64;

/// A part of a document.
#[derive(Debug, Clone)]
pub(super) struct Part<'s> {
    sources: &'s Sources,
    uri: &'s str,
    file: &'s SourceFile,
    pointer: String,
    pub(super) value: &'s Value,
}

impl<'s> Part<'s> {
    /// The root of a contract.
    ///
    /// # Errors
    ///
    /// When the contract has no such file, which cannot happen.
    pub(super) fn root(sources: &'s Sources) -> Result<Self, ContractProblem> {
        Self::at(sources, &sources.root, "").map_err(|reason| ContractProblem::of_file(&sources.root, reason))
    }

    /// The part of a file at a pointer.
    fn at(sources: &'s Sources, uri: &str, pointer: &str) -> Result<Self, String> {
        let missing = || format!("the contract has no {uri}");
        let (uri, file) = sources.files.get_key_value(uri).ok_or_else(missing)?;
        let document = sources.documents.get(uri).ok_or_else(missing)?;
        let value = document.pointer(pointer).ok_or_else(|| format!("{} has no {pointer}", file.shown))?;
        Ok(Self { sources, uri, file, pointer: pointer.to_owned(), value })
    }

    /// A member, without following its reference.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name)?;
        Some(Self { pointer: pointer::member(&self.pointer, name), value, ..self.clone() })
    }

    /// A member. If it is a reference, what the reference leads to.
    ///
    /// # Errors
    ///
    /// When the reference leads nowhere.
    pub(super) fn resolved(&self, name: &str) -> Result<Option<Self>, ContractProblem> {
        self.member(name).map(Self::target).transpose()
    }

    /// The members by name. None, if the part is no object.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'s str, Self)> {
        let part = self.clone();
        self.value.as_object().into_iter().flatten().map(move |(name, value)| {
            (name.as_str(), Self { pointer: pointer::member(&part.pointer, name), value, ..part.clone() })
        })
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Self> {
        let part = self.clone();
        self.value.as_array().into_iter().flatten().enumerate().map(move |(position, value)| Self {
            pointer: pointer::member(&part.pointer, &position.to_string()),
            value,
            ..part.clone()
        })
    }

    /// What the part refers to, or the part itself if it is no reference.
    ///
    /// # Errors
    ///
    /// When the reference leads nowhere, or in a circle.
    pub(super) fn target(self) -> Result<Self, ContractProblem> {
        let first = self.clone();
        let mut part = self;
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = part.member("$ref") else { return Ok(part) };
            let Some(text) = reference.text() else { return Ok(part) };
            let (uri, pointer) = part.split(text).map_err(|reason| reference.problem(reason))?;
            part = Self::at(part.sources, &uri, &pointer)
                .map_err(|reason| reference.problem(format!("the reference {text:?} leads nowhere: {reason}")))?;
        }
        Err(first.problem("its references lead in a circle"))
    }

    /// The URI of the file and the pointer to which a reference of this part leads.
    fn split(&self, reference: &str) -> Result<(String, String), String> {
        let mut target = match reference.strip_prefix('#') {
            // The path of a file may be such that a URI cannot be joined to it, and this is by far the most frequent reference.
            Some(fragment) => return Ok((self.uri.to_owned(), decoded(fragment))),
            None => Url::parse(self.uri).and_then(|base| base.join(reference)).map_err(|error| error.to_string())?,
        };
        let pointer = target.fragment().map(decoded).unwrap_or_default();
        target.set_fragment(None);
        Ok((target.into(), pointer))
    }

    pub(super) fn text(&self) -> Option<&'s str> {
        self.value.as_str()
    }

    /// The text of a member.
    pub(super) fn text_of(&self, name: &str) -> Option<&'s str> {
        self.value.get(name)?.as_str()
    }

    /// Whether a member is `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.value.get(name) == Some(&Value::Bool(true))
    }

    /// The place in the source: `contracts/payments.yaml:12`.
    pub(super) fn place(&self) -> String {
        self.file.place(&self.pointer)
    }

    /// The absolute URI with the pointer.
    pub(super) fn uri(&self) -> String {
        // The letters that a fragment cannot have are escaped.
        let fragment = percent_encoding::utf8_percent_encode(&self.pointer, FRAGMENT);
        format!("{}#{fragment}", self.uri)
    }

    pub(super) fn problem(&self, reason: impl Into<String>) -> ContractProblem {
        self.file.problem(&self.pointer, reason)
    }
}

/// The characters that are escaped in a fragment.
const FRAGMENT: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'%')
    .add(b'{')
    .add(b'}')
    .add(b'^')
    .add(b'|')
    .add(b'\\')
    .add(b'#')
    .add(b'[')
    .add(b']');

fn decoded(fragment: &str) -> String {
    percent_encoding::percent_decode_str(fragment).decode_utf8_lossy().into_owned()
}
