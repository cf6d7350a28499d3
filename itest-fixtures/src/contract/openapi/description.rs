//! A whole OpenAPI description.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::Url;

use super::super::keywords::Direction;
use super::super::part::Part;
use super::super::problem::ContractProblem;
use super::super::schemas::{Formats, Schema, Schemas};
use super::super::sources::Sources;
use super::operation::{BothDirections, METHODS, Operation};
use super::path_template::PathTemplate;
use super::security::Security;

/// A description, whose parts have been checked.
#[derive(Debug)]
pub(in super::super) struct OpenApi {
    pub(super) sources: Arc<Sources>,
    pub(super) schemas: BothDirections,
    pub(super) operations: Vec<Operation>,
    /// The operations by their number of segments, the ones with the most fixed segments first.
    by_length: HashMap<usize, Vec<usize>>,
    /// The paths of the servers, which requests may begin with.
    pub(super) base_paths: Vec<Vec<String>>,
    /// The place of the paths.
    pub(super) source: String,
}

/// The operation of a request.
pub(super) enum Match<'o> {
    Operation {
        operation: &'o Operation,
        parameters: Vec<(String, String)>,
    },
    /// The path exists, with other methods.
    OtherMethods(Vec<&'o Operation>),
    None,
}

impl OpenApi {
    /// Reads a description.
    ///
    /// # Errors
    ///
    /// When a part of it is wrong.
    pub(in super::super) fn parse(sources: &Arc<Sources>, formats: Formats) -> Result<Self, ContractProblem> {
        let requests = Schemas::new(sources, Direction::Request, formats)?;
        // Without directions, the schemas of requests are also those of answers.
        let answers = if sources.has_directions {
            Schemas::new(sources, Direction::Answer, formats)?
        } else {
            Arc::clone(&requests)
        };
        let schemas = BothDirections { requests, answers };
        let root = Part::root(sources)?;
        let paths = root.resolved("paths")?;
        let security = Security::parse(&root, &root)?;
        let mut operations: Vec<Operation> = Vec::new();
        let mut shapes: HashMap<(String, String), String> = HashMap::new();
        for (text, item) in paths.iter().flat_map(Part::members).filter(|(text, _)| !text.starts_with("x-")) {
            let path = PathTemplate::parse(text).map_err(|reason| item.problem(reason))?;
            let item = item.target()?;
            for (method, operation) in METHODS.iter().filter_map(|method| Some((*method, item.member(method)?))) {
                let parsed =
                    Operation::parse(method, &path, (&item, &operation), (&root, security.as_ref()), &schemas)?;
                let shape = (parsed.method.clone(), without_names(text));
                if let Some(other) = shapes.insert(shape, text.to_owned()) {
                    let reason =
                        format!("the paths {other} and {text} contradict each other: they differ in names only");
                    return Err(operation.problem(reason));
                }
                operations.push(parsed);
            }
        }
        let by_length = by_length(&operations);
        let source = paths.as_ref().unwrap_or(&root).place();
        let base_paths = base_paths(&root);
        Ok(Self { sources: Arc::clone(sources), schemas, operations, by_length, base_paths, source })
    }

    /// The operation of a request. The path may begin with that of a server.
    pub(super) fn operation_of(&self, method: &str, path: &str) -> Match<'_> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let mut others = Vec::new();
        for segments in self.without_base(&segments) {
            for operation in self.of_length(segments.len()) {
                let Some(parameters) = operation.path.parameters_of(segments) else { continue };
                if operation.method == method {
                    return Match::Operation { operation, parameters };
                }
                others.push(operation);
            }
        }
        if others.is_empty() { Match::None } else { Match::OtherMethods(others) }
    }

    /// The operations that the requests of a pattern may mean. In its path, a segment in braces stands for any segment.
    pub(super) fn operations_of_pattern(&self, method: Option<&str>, path: &str) -> Vec<&Operation> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let all = self.without_base(&segments).into_iter().flat_map(|segments| {
            let overlapping = self.of_length(segments.len()).filter(|operation| operation.path.overlaps(segments));
            overlapping.collect::<Vec<_>>()
        });
        all.filter(|operation| method.is_none_or(|method| operation.method == method)).collect()
    }

    fn of_length(&self, length: usize) -> impl Iterator<Item = &Operation> {
        let positions = self.by_length.get(&length).into_iter().flatten();
        positions.filter_map(|position| self.operations.get(*position))
    }

    /// The segments of a path, and what follows the path of a server.
    fn without_base<'p>(&self, segments: &'p [&'p str]) -> Vec<&'p [&'p str]> {
        let mut all = vec![segments];
        for base in &self.base_paths {
            let begins = base.len() < segments.len()
                && base.iter().zip(segments).all(|(base, segment)| {
                    // A variable of a server stands for any text.
                    base == segment || base.contains('{')
                });
            if begins {
                all.push(&segments[base.len()..]);
            }
        }
        all
    }

    /// The methods and paths of the operations. A segment that contains a parameter stands for any value.
    pub(in super::super) fn methods_and_paths(&self) -> Vec<String> {
        let segment = |text: &str| if text.contains('{') { "{value}".to_owned() } else { text.to_owned() };
        let whole = |text: &str| text.starts_with('{') && text.find('}') == Some(text.len() - 1);
        let path = |text: &str| {
            let segments = text.split('/').map(|text| if whole(text) { text.to_owned() } else { segment(text) });
            segments.collect::<Vec<_>>().join("/")
        };
        self.operations.iter().map(|operation| format!("{} {}", operation.method, path(&operation.path.text))).collect()
    }

    /// All schemas, to check them.
    pub(in super::super) fn schemas(&self) -> impl Iterator<Item = &Schema> {
        self.operations.iter().flat_map(Operation::schemas)
    }
}

/// The positions of the operations by their number of segments.
fn by_length(operations: &[Operation]) -> HashMap<usize, Vec<usize>> {
    let mut positions: Vec<usize> = (0..operations.len()).collect();
    positions.sort_by_key(|position| std::cmp::Reverse(operations[*position].path.literal_segments()));
    let mut by_length: HashMap<usize, Vec<usize>> = HashMap::new();
    for position in positions {
        by_length.entry(operations[position].path.length()).or_default().push(position);
    }
    by_length
}

/// The paths of the servers without their variables' values, and without the path `/`.
fn base_paths(root: &Part<'_>) -> Vec<Vec<String>> {
    let servers = root.member("servers");
    let urls = servers.iter().flat_map(Part::items).filter_map(|server| server.text_of("url"));
    let mut bases: Vec<Vec<String>> = urls
        .filter_map(|url| {
            // The host may have variables, so that it cannot be parsed as a URL.
            let path = match url.split_once("://") {
                Some((_, rest)) => rest.split_once('/').map(|(_, path)| path.to_owned())?,
                None => Url::parse("http://host/").ok()?.join(url).ok()?.path().trim_start_matches('/').to_owned(),
            };
            let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
            (!segments.is_empty()).then_some(segments)
        })
        .collect();
    bases.sort();
    bases.dedup();
    bases
}

/// A path in which all parameters have the same name.
fn without_names(path: &str) -> String {
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "{}" + part.split_once('}').map_or("", |(_, rest)| rest))
}
