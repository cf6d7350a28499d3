//! Plain language: no metaphors in names, no vague subjects in comments, and no function that is too long to read.

use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{root, rust_files};

/// Words that no name contains, because the field has a term for what they stand for.
const METAPHORS: [&str; 24] = [
    "shelf", "stock", "keeper", "glance", "life", "spent", "era", "journey", "tour", "found", "heard", "told", "asked",
    "held", "litter", "farewell", "patience", "look", "nobody", "somebody", "whoever", "watchman", "room", "floor",
];

/// Names of other crates and of protocols, in which such a word is the term.
const TERMS: [&str; 6] =
    ["not_found", "NotFound", "NOT_FOUND", "FoundCrate", "floor_char_boundary", "SocketNotFoundError"];

/// Words that no comment uses as its subject: it names the person, the process or the type that it means.
const VAGUE_SUBJECTS: [&str; 4] = ["nobody", "somebody", "whoever", "noone"];

/// Lines of a function, from its signature to its closing brace.
const MAX_FUNCTION_LINES: usize = 60;

/// The folders whose language is checked. The examples have words of their own domains, such as the stock of a shop.
const FOLDERS: [&str; 6] = ["src", "itest-fixtures", "itest-macros/src", "itest-runtime/src", "tests", "benches"];

fn files() -> Vec<(std::path::PathBuf, String)> {
    let paths = FOLDERS.iter().flat_map(|folder| rust_files(&root().join(folder)));
    let ours = paths
        .filter(|path| !path.components().any(|part| part.as_os_str() == "target" || part.as_os_str() == "generated"));
    let files: Vec<_> = ours.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    assert!(files.len() > 300, "the sources have moved");
    files
}

/// The words of a name: `seen_before` and `SeenBefore` have two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in name.chars() {
        if character == '_' || character.is_uppercase() && was_lower {
            words.push(String::new());
        }
        was_lower = character.is_lowercase();
        if character != '_' {
            words.last_mut().unwrap().extend(character.to_lowercase());
        }
    }
    words
}

fn visit_names(tokens: TokenStream, visit: &mut dyn FnMut(&proc_macro2::Ident)) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => visit(&name),
            TokenTree::Group(group) => visit_names(group.stream(), visit),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[test]
fn names_contain_no_metaphors() {
    let mut bad = Vec::new();
    for (path, text) in files() {
        let tokens: TokenStream = text.parse().unwrap();
        visit_names(tokens, &mut |name| {
            let text = name.to_string();
            let is_term = TERMS.iter().any(|term| text.contains(term)) || text == "floor";
            if !is_term && words(&text).iter().any(|word| METAPHORS.contains(&word.as_str())) {
                bad.push(format!("{}:{}: {text}", path.display(), name.span().start().line));
            }
        });
    }
    assert!(bad.is_empty(), "{} names:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn comments_have_no_vague_subjects() {
    let mut bad = Vec::new();
    for (path, text) in files() {
        for (number, line) in text.lines().enumerate() {
            let Some(comment) = line.trim_start().strip_prefix("//") else { continue };
            let mut words = comment.split(|character: char| !character.is_alphabetic()).map(str::to_lowercase);
            if words.any(|word| VAGUE_SUBJECTS.contains(&word.as_str())) {
                bad.push(format!("{}:{}:{comment}", path.display(), number + 1));
            }
        }
    }
    assert!(bad.is_empty(), "{} comments:\n{}", bad.len(), bad.join("\n"));
}

/// Collects the functions that are too long.
struct LongFunctions<'p> {
    path: &'p Path,
    long: Vec<String>,
}

impl LongFunctions<'_> {
    fn check(&mut self, name: &syn::Ident, body: proc_macro2::Span, start: proc_macro2::Span) {
        let lines = body.end().line + 1 - start.start().line;
        if lines > MAX_FUNCTION_LINES {
            self.long.push(format!("{}:{}: {name} has {lines} lines", self.path.display(), start.start().line));
        }
    }
}

impl<'ast> Visit<'ast> for LongFunctions<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // A table of cases in a test may be long.
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.check(&function.sig.ident, function.block.span(), function.sig.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.check(&function.sig.ident, function.block.span(), function.sig.span());
        visit::visit_impl_item_fn(self, function);
    }
}

#[test]
fn functions_have_at_most_60_lines() {
    let mut long = Vec::new();
    for folder in ["src", "itest-fixtures/src", "itest-macros/src", "itest-runtime/src"] {
        for path in rust_files(&root().join(folder)) {
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
            let mut functions = LongFunctions { path: &path, long: Vec::new() };
            functions.visit_file(&file);
            long.extend(functions.long);
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// A name for the outcome says more than one result in another.
#[test]
fn no_function_returns_a_result_of_a_result() {
    let ours = files().into_iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "src"));
    let bad: Vec<_> = ours.filter(|(_, text)| text.contains("-> Result<Result<")).map(|(path, _)| path).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

/// A setting, a mode or a fixture's setting is declared once: help, documentation and checks are made from the declaration.
#[test]
fn each_setting_is_declared_in_one_place() {
    let mut keys: Vec<(String, String)> = Vec::new();
    for (path, text) in files().into_iter().filter(|(path, _)| !path.ends_with("language.rs")) {
        let declared = text.lines().filter_map(|line| line.trim().strip_prefix("key: \"")?.strip_suffix("\","));
        keys.extend(declared.map(|key| (key.to_owned(), path.display().to_string())));
    }
    assert!(keys.len() > 30, "the declarations of settings have moved");
    keys.sort();
    for pair in keys.windows(2) {
        assert_ne!(pair[0].0, pair[1].0, "declared in {} and {}", pair[0].1, pair[1].1);
    }
}
