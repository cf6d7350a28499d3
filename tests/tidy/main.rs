//! Keeps the repository in order: layers, pure modules, file sizes, and which file may name what.

mod circles;
mod dependencies;
mod language;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates with layers, and the layer of each module.
const CRATES: [(&str, &[(&str, u32)]); 2] = [
    (
        "itest-runtime",
        &[
            ("model", 0),
            ("plan", 1),
            ("detect", 1),
            ("faults", 1),
            ("coverage", 1),
            ("inject", 1),
            ("report", 1),
            ("process", 2),
            ("history", 2),
            ("fixtures", 3),
            ("session", 3),
            ("engine", 4),
            ("cli", 5),
        ],
    ),
    (
        "itest-fixtures",
        &[
            ("failure", 0),
            ("identifier", 0),
            ("injection", 0),
            ("production", 0),
            ("shown", 0),
            ("transport", 0),
            ("xml", 0),
            ("contract", 1),
            ("proxy", 1),
            ("service", 1),
            ("sigv4", 1),
            ("tls", 1),
            ("wire", 2),
            ("database", 2),
            ("messages", 2),
            ("mail", 2),
            ("http", 3),
            ("tokens", 3),
            ("any_service", 3),
            ("aws", 3),
            ("backend", 3),
            ("compose", 3),
            ("kafka", 3),
            ("mqtt", 3),
            ("mysql", 3),
            ("nats", 3),
            ("postgres", 3),
            ("rabbitmq", 3),
            ("redis", 3),
            ("s3", 3),
            ("sqlite", 3),
            ("data", 4),
            ("migrations", 4),
        ],
    ),
];

/// Names of services that `service/` must not contain.
const SERVICES: [&str; 10] =
    ["postgres", "mysql", "mariadb", "sqlite", "redis", "rabbit", "nats", "mqtt", "kafka", "aws"];

/// The limit of lines before the tests of a file.
const MAX_LINES: usize = 400;

/// A file of a crate with layers.
struct Source {
    path: PathBuf,
    /// The name of its top-level module.
    module: String,
    /// The text without tests.
    code: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn without_tests(text: &str) -> String {
    let heads = ["\n#[cfg(test)]\nmod tests", "\n#[cfg(test)]\npub(super) mod tests"];
    let end = heads.iter().filter_map(|head| text.find(head)).min();
    text[..end.unwrap_or(text.len())].to_owned()
}

fn runtime() -> Vec<Source> {
    sources("itest-runtime")
}

fn sources(name: &str) -> Vec<Source> {
    let src = root().join(name).join("src");
    let sources: Vec<_> = rust_files(&src)
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap().to_path_buf();
            let module = inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
            let code = without_tests(&fs::read_to_string(&path).unwrap());
            Source { path: inside, module, code }
        })
        .collect();
    assert!(sources.len() > 30, "{name} has moved");
    sources
}

/// The code without comments, so that a word in a comment does not count as an import.
fn words_of_code(source: &Source) -> String {
    code_of(&source.code)
}

/// The text of a file without comments and tests.
fn code_of(text: &str) -> String {
    let code = without_tests(text);
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Every `crate::module` in a file.
fn modules_named(code: &str) -> Vec<&str> {
    let rest = |part: &'static str| code.match_indices(part).map(move |(at, _)| &code[at + part.len()..]);
    rest("crate::")
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
        .collect()
}

#[test]
fn modules_import_lower_layers_only() {
    for (name, layers) in CRATES {
        let layers: BTreeMap<_, _> = layers.iter().copied().collect();
        let mut seen = 0;
        for source in sources(name).iter().filter(|source| source.module != "lib") {
            let place = format!("{name}/{}", source.path.display());
            let own =
                *layers.get(source.module.as_str()).unwrap_or_else(|| panic!("{place}: a module without a layer"));
            let code = words_of_code(source);
            assert!(!code.contains("crate::{"), "{place}: one `use` for each module, so that this test can read it");
            for named in modules_named(&code) {
                if let Some(layer) = layers.get(named).filter(|_| named != source.module) {
                    seen += 1;
                    assert!(*layer < own, "{place} (layer {own}) names {named} (layer {layer})");
                }
            }
        }
        assert!(seen > 50, "{name}: the search finds no imports");
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for name in ["itest-fixtures", "itest-macros", "itest-runtime"] {
        let src = root().join(name).join("src");
        assert_eq!(circles::circles(&src, &rust_files(&src)), Vec::<Vec<String>>::new(), "{name}");
    }
}

#[test]
fn service_module_names_no_service() {
    let sources = sources("itest-fixtures");
    let mut seen = 0;
    for source in sources.iter().filter(|source| source.module == "service") {
        seen += 1;
        let code = source.code.to_lowercase();
        for service in SERVICES {
            assert!(!code.contains(service), "{} names {service}", source.path.display());
        }
    }
    assert!(seen > 10, "service/ has moved");
}

#[test]
fn engine_does_not_import_reports() {
    for source in runtime().iter().filter(|source| source.module == "engine") {
        assert!(!words_of_code(source).contains("report::"), "{}", source.path.display());
    }
}

#[test]
fn pure_modules_use_no_clock_io_or_runtime() {
    const IMPURE: [&str; 10] = [
        "std::fs",
        "std::env",
        "std::io",
        "std::net",
        "std::process",
        "std::thread",
        "Instant",
        "SystemTime",
        "tokio",
        "rand_chacha",
    ];
    for module in ["plan", "detect", "faults", "coverage"] {
        let sources: Vec<_> = runtime().into_iter().filter(|source| source.module == module).collect();
        assert!(sources.len() >= 4, "{module} has moved");
        for source in sources {
            let code = words_of_code(&source);
            for word in IMPURE {
                assert!(!code.contains(word), "{} names {word}", source.path.display());
            }
        }
    }
}

#[test]
fn only_command_line_rs_uses_libtest_mimic() {
    for source in runtime().iter().filter(|source| words_of_code(source).contains("libtest_mimic")) {
        assert_eq!(source.path, Path::new("cli/command_line.rs"));
    }
}

/// Settings are read in `cli` only. `process/surroundings.rs` compares the environment before and after a test, and interprets none of it.
/// `fixtures/program/environment.rs` reads what cargo and its tools set for the programs of a test, which are no settings of itest.
#[test]
fn only_cli_reads_arguments_and_environment() {
    let exceptions = ["process/surroundings.rs", "fixtures/program/environment.rs"].map(Path::new);
    for source in runtime().iter().filter(|source| source.module != "cli" && !exceptions.contains(&&*source.path)) {
        let code = words_of_code(source);
        for word in ["env::var", "env::vars", "env::args"] {
            assert!(!code.contains(word), "{} names {word}", source.path.display());
        }
    }
}

#[test]
fn runtime_never_calls_process_exit() {
    for source in runtime() {
        assert!(!words_of_code(&source).contains("process::exit"), "{}", source.path.display());
    }
}

#[test]
fn files_have_a_purpose_line_and_at_most_400_lines() {
    let ours = [
        "src",
        "itest-fixtures/src",
        "itest-macros/src",
        "itest-runtime/src",
        "examples/bank",
        "examples/courier",
        "examples/shop/src",
        "examples/zoo",
    ];
    for folder in ours {
        for path in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("//!"), "{} does not begin with `//!`", path.display());
            let lines = without_tests(&text).lines().count();
            assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn no_file_is_named_utils_or_helpers() {
    const EMPTY: [&str; 5] = ["utils.rs", "helpers.rs", "common.rs", "misc.rs", "imp.rs"];
    for folder in ["src", "itest-fixtures", "itest-macros", "itest-runtime", "examples", "tests"] {
        for path in rust_files(&root().join(folder)) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(!EMPTY.contains(&name.as_str()), "{}", path.display());
        }
    }
}

/// Emitting an expansion must not fail: all errors are found before.
#[test]
fn emitting_an_expansion_cannot_fail() {
    let text = fs::read_to_string(root().join("itest-macros/src/emit.rs")).unwrap();
    for word in ["Result<", "Errors", "syn::Error", "panic!", ".unwrap()", ".expect("] {
        assert!(!text.contains(word), "emit.rs names {word}");
    }
}

/// ARCHITECTURE.md must name every module, and the tests that it names must exist.
#[test]
fn architecture_names_existing_modules_and_tests() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (module, _) in CRATES.iter().flat_map(|(_, layers)| layers.iter()) {
        let is_shown = [format!("`{module}/`"), format!("`{module}`")].iter().any(|name| map.contains(name));
        assert!(is_shown, "ARCHITECTURE.md does not show {module}");
    }
    let tests: String = rust_files(&root().join("tests"))
        .into_iter()
        .chain(rust_files(&root().join("itest-runtime/src")))
        .chain(rust_files(&root().join("itest-fixtures")))
        .chain(rust_files(&root().join("itest-macros")))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let guards: Vec<_> = map.lines().filter(|line| line.contains("**Invariant:**")).collect();
    assert!(guards.len() >= 8, "{} invariants", guards.len());
    for guard in guards {
        let name = guard.rsplit_once("(guarded by `").and_then(|(_, rest)| rest.split('`').next());
        let name = name.unwrap_or_else(|| panic!("no test is named in: {guard}"));
        assert!(tests.contains(&format!("fn {name}(")), "no test is called {name}");
    }
}
