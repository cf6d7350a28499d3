//! All files of a contract.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde_json::Value;

use super::dialect::Dialect;
use super::preparation::{Reference, prepare};
use super::problem::ContractProblem;
use super::source_file::{SourceFile, read};

/// The most files of a contract.
const MAX_FILES: usize = 2000;

/// The hosts of the dialects of JSON Schema, which the validator has itself.
const DIALECT_HOSTS: [&str; 2] = ["json-schema.org", "spec.openapis.org"];

/// Where the files of a contract are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Locations {
    /// The folder of the package. Messages show paths inside of it.
    pub(super) package: PathBuf,
    /// The file, from the package.
    pub(super) file: String,
    /// The folders that stand for the beginnings of URLs.
    pub(super) folders_of_urls: Vec<FolderOfUrl>,
}

/// A folder with copies of what is at a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FolderOfUrl {
    /// The beginning of the URLs.
    pub(super) url: String,
    /// The folder, from the package.
    pub(super) folder: String,
}

/// All files of a contract, by their URIs.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) dialect: Dialect,
    /// The URI of the file that the contract names.
    pub(super) root: String,
    pub(super) documents: BTreeMap<String, Value>,
    pub(super) files: BTreeMap<String, SourceFile>,
    /// Whether a property is only for requests or only for responses.
    pub(super) has_directions: bool,
}

impl Sources {
    /// Reads the file of a contract, and the files that it refers to.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or a reference leads to a URL that no folder stands for.
    pub(super) fn load(locations: &Locations) -> Result<Self, ContractProblem> {
        let path = absolute(&locations.package.join(&locations.file));
        let root = uri_of(&path).ok_or_else(|| ContractProblem::of_file(&locations.file, "its path is no URI"))?;
        let document = read(&path, &locations.file)?;
        let file = SourceFile { shown: locations.file.clone(), lines: document.lines };
        let dialect = Dialect::of(&document.value, &file)?;
        let mut sources = Self {
            dialect,
            root: root.to_string(),
            documents: BTreeMap::new(),
            files: BTreeMap::new(),
            has_directions: false,
        };
        let mut loading = Loading { locations, own_uris: BTreeSet::new(), missing: Vec::new() };
        sources.add(&root, document.value, file, &mut loading);
        while let Some((from, reference)) = loading.missing.pop() {
            sources.follow(&from, reference, &mut loading)?;
        }
        Ok(sources)
    }

    fn add(&mut self, uri: &Url, mut document: Value, file: SourceFile, loading: &mut Loading<'_>) {
        let prepared = prepare(&mut document, self.dialect, uri);
        self.has_directions |= prepared.has_directions;
        loading.own_uris.extend(prepared.own_uris);
        loading.missing.extend(prepared.references.into_iter().map(|reference| (uri.to_string(), reference)));
        self.documents.insert(uri.to_string(), document);
        self.files.insert(uri.to_string(), file);
    }

    /// Reads the file that a reference leads to, unless it is known.
    fn follow(&mut self, from: &str, reference: Reference, loading: &mut Loading<'_>) -> Result<(), ContractProblem> {
        let Reference { pointer, target, text } = reference;
        let problem = |reason: String| match self.files.get(from) {
            Some(file) => file.problem(&pointer, reason),
            None => ContractProblem::of_file(from, reason),
        };
        let target = target.ok_or_else(|| problem(format!("{text:?} is no URI of a file")))?;
        let is_known = self.files.contains_key(target.as_str()) || loading.own_uris.contains(target.as_str());
        let is_dialect = target.host_str().is_some_and(|host| DIALECT_HOSTS.contains(&host));
        if is_known || is_dialect || target.scheme() == "urn" {
            return Ok(());
        }
        if self.files.len() >= MAX_FILES {
            return Err(problem(format!("the contract has more than {MAX_FILES} files")));
        }
        let path = loading.path_of(&target).map_err(problem)?;
        let shown = loading.shown(&path);
        let document = read(&path, &shown).map_err(|inner| {
            // The line of a missing file is that of its reference.
            if inner.place == shown { problem(format!("{text:?} is {shown}: {}", inner.reason)) } else { inner }
        })?;
        let file = SourceFile { shown, lines: document.lines };
        self.add(&target, document.value, file, loading);
        Ok(())
    }
}

/// The state of loading a contract.
struct Loading<'l> {
    locations: &'l Locations,
    own_uris: BTreeSet<String>,
    /// References whose files may be missing, with the URIs of the files that have them.
    missing: Vec<(String, Reference)>,
}

impl Loading<'_> {
    /// The file of a URI.
    ///
    /// # Errors
    ///
    /// When the URI is that of another machine, and no folder stands for it.
    fn path_of(&self, uri: &Url) -> Result<PathBuf, String> {
        if uri.scheme() == "file" {
            return uri.to_file_path().map_err(|()| format!("{uri} is no file of this machine"));
        }
        for FolderOfUrl { url, folder } in &self.locations.folders_of_urls {
            if let Some(rest) = uri.as_str().strip_prefix(url.as_str()) {
                let inside: PathBuf = rest.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
                return Ok(absolute(&self.locations.package.join(folder).join(inside)));
            }
        }
        Err(format!(
            "it refers to {uri}; itest reads nothing from the network: copy the file, and name its folder with `.url_folder(…)`"
        ))
    }

    fn shown(&self, path: &Path) -> String {
        let package = absolute(&self.locations.package);
        path.strip_prefix(&package).unwrap_or(path).display().to_string()
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The URI of a file. Its path has no `..` any longer.
fn uri_of(path: &Path) -> Option<Url> {
    Url::from_file_path(path).ok()
}
