//! Files of a crate that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The path of a module, as a list of names.
type Module = Vec<String>;

/// The modules of a crate, what they import, and what `mod.rs` files re-export.
struct Crate {
    code: BTreeMap<Module, String>,
    /// Re-exports: a module and a name in it, with the module that defines the item.
    exports: BTreeMap<(Module, String), Module>,
}

/// The circles of a crate: each is a list of modules that import each other.
pub(crate) fn circles(src: &Path, files: &[std::path::PathBuf]) -> Vec<Vec<String>> {
    let of_crate = Crate::read(src, files);
    let edges: BTreeMap<&Module, BTreeSet<Module>> =
        of_crate.code.keys().map(|module| (module, of_crate.imports(module))).collect();
    let reached = |from: &Module| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = next.pop() {
            for import in edges.get(&module).into_iter().flatten() {
                if reached.insert(import.clone()) {
                    next.push(import.clone());
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = edges.keys().map(|module| (*module, reached(module))).collect();
    let mut circles = BTreeSet::new();
    for (module, others) in &reached {
        let circle: Vec<String> = others
            .iter()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(*module)))
            .map(|other| other.join("::"))
            .collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

impl Crate {
    fn read(src: &Path, files: &[std::path::PathBuf]) -> Self {
        let (mut code, mut mod_files) = (BTreeMap::new(), BTreeSet::new());
        for path in files {
            let mut module: Module = path
                .strip_prefix(src)
                .unwrap()
                .with_extension("")
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
                mod_files.insert(module.clone());
            }
            code.insert(module, super::code_of(&fs::read_to_string(path).unwrap()));
        }
        let mut exports = BTreeMap::new();
        for mod_file in &mod_files {
            for path in imported_paths(&code[mod_file]) {
                let (name, rest) = path.split_last().unwrap();
                let target = [mod_file.as_slice(), rest].concat();
                if code.contains_key(&target) {
                    exports.insert((mod_file.clone(), name.clone()), target);
                }
            }
        }
        // The declarations and re-exports of a `mod.rs` are no dependency between its files.
        code.retain(|module, _| !mod_files.contains(module));
        Self { code, exports }
    }

    /// The modules whose files a file imports from.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let code = &self.code[module];
        let mut imports = BTreeSet::new();
        for path in imported_paths(code).into_iter().chain(paths_in_code(code)) {
            let (base, rest) = match path[0].as_str() {
                "crate" => (Module::new(), &path[1..]),
                "super" => {
                    let ups = path.iter().take_while(|part| *part == "super").count();
                    let depth = module.len().saturating_sub(ups);
                    (module[..depth].to_vec(), &path[ups..])
                }
                _ => continue,
            };
            let target = self.resolve(base, rest);
            if target != *module && self.code.contains_key(&target) {
                imports.insert(target);
            }
        }
        imports
    }

    /// The module that a path leads to.
    fn resolve(&self, mut module: Module, path: &[String]) -> Module {
        for part in path {
            if let Some(target) = self.exports.get(&(module.clone(), part.clone())) {
                return target.clone();
            }
            module.push(part.clone());
            let is_inside = |known: &Module| known.starts_with(&module);
            if !self.code.keys().any(is_inside) {
                module.pop();
                return module;
            }
        }
        module
    }
}

/// The paths of all `use` items, with their braces resolved.
fn imported_paths(code: &str) -> Vec<Module> {
    let items = code.split("use ").skip(1).filter_map(|item| Some(item.split_once(';')?.0));
    items.flat_map(|item| expand("", item)).map(|path| parts(&path)).filter(|path| !path.is_empty()).collect()
}

/// Paths that begin with `crate::` or `super::` in code.
fn paths_in_code(code: &str) -> Vec<Module> {
    let starts = ["crate::", "super::"].into_iter().flat_map(|start| code.match_indices(start));
    let is_path = |character: char| character.is_alphanumeric() || matches!(character, '_' | ':');
    let path = |at: usize| code[at..].split(|character| !is_path(character)).next().unwrap_or_default();
    starts.map(|(at, _)| parts(path(at))).filter(|path| path.len() > 1).collect()
}

fn parts(path: &str) -> Module {
    let path = path.split(" as ").next().unwrap_or_default();
    path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The paths of a tree of imports: `a::{b, c::{d, e}}`.
fn expand(before: &str, tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((begin, rest)) = tree.split_once('{') else { return vec![format!("{before}{tree}")] };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut depth, mut start, mut branches) = (0, 0, Vec::new());
    for (at, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&inside[start..]);
    let before = format!("{before}{begin}");
    branches.iter().filter(|branch| !branch.trim().is_empty()).flat_map(|branch| expand(&before, branch)).collect()
}

#[test]
fn circle_through_a_re_export_is_detected() {
    let folder = std::env::temp_dir().join(format!("itest-tidy-{}", std::process::id()));
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let files = [
        write("lib.rs", "mod a; mod b;"),
        write("a.rs", "use crate::b::{Leaf, Thing};"),
        write("b/mod.rs", "mod inner;\nmod leaf;\npub use inner::Thing;\npub use leaf::Leaf;"),
        write("b/inner.rs", "fn x() { crate::a::y() }"),
        write("b/leaf.rs", "use std::fs;"),
    ];
    let result = circles(&folder, &files);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(result, [["a", "b::inner"]]);
}
