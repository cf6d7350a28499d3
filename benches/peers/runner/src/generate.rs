//! Writes the generated suites: a committed template, its lock file, and the requested number of tests.

use std::fs;
use std::path::{Path, PathBuf};

use figures::{Context, Failure};

use crate::layout::Layout;
use crate::source::{self, Edited, TESTS_PER_MODULE};
use crate::suite::Suite;

const COPIED: [&str; 3] = ["Cargo.toml", "src/lib.rs", "tests/suite/main.rs"];

/// A suite on disk.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    pub(crate) suite: Suite,
    pub(crate) tests: usize,
    pub(crate) folder: PathBuf,
}

impl Generated {
    /// Writes the suite. Unchanged files are not written, because Cargo rebuilds files with a new modification time.
    pub(crate) fn write(layout: &Layout, suite: Suite, tests: usize) -> Result<Self, Failure> {
        let generated = Self { suite, tests, folder: layout.generated(suite, tests) };
        for file in COPIED {
            let mut text = read(&layout.template(suite).join(file))?;
            if file == "Cargo.toml" {
                text = generated.renamed(&text);
                if !text.contains("[workspace]") {
                    // The template belongs to a workspace, its copy is one.
                    text.push_str("\n[workspace]\n");
                }
            }
            write(&generated.folder.join(file), &text)?;
        }
        let lock_file = layout.lock_file(suite);
        if lock_file.exists() {
            let text = generated.renamed(&read(&lock_file)?);
            write(&generated.folder.join("Cargo.lock"), &text)?;
        }
        let modules = generated.modules();
        write(&generated.folder.join("tests/suite/cases/mod.rs"), &source::module_list(suite, modules))?;
        for module in 0..modules {
            generated.write_module(module, 1)?;
        }
        Ok(generated)
    }

    /// Changes the body of one test, in the middle of the suite.
    pub(crate) fn edit(&self, literal: u64) -> Result<(), Failure> {
        self.write_module(self.modules() / 2, literal)
    }

    /// Gives the package a unique name, because Cargo distinguishes the packages in a shared target
    /// directory by their names only.
    fn renamed(&self, text: &str) -> String {
        let name = self.suite.name();
        let template = format!("name = \"{name}-suite\"\n");
        text.replace(&template, &format!("name = \"{name}-{}\"\n", self.tests))
    }

    fn modules(&self) -> usize {
        self.tests.div_ceil(TESTS_PER_MODULE)
    }

    fn write_module(&self, module: usize, literal: u64) -> Result<(), Failure> {
        let first = module * TESTS_PER_MODULE + 1;
        let end = (first + TESTS_PER_MODULE).min(self.tests + 1);
        let edited = Edited { test: (self.modules() / 2) * TESTS_PER_MODULE + 1, literal };
        let file = format!("tests/suite/cases/{}.rs", source::module_name(module));
        write(&self.folder.join(file), &source::module(self.suite, first..end, edited))
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).context(|| format!("reading {}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    if fs::read_to_string(file).is_ok_and(|present| present == text) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).context(|| format!("creating {}", folder.display()))?;
    }
    fs::write(file, text).context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each template contains one generated test, so that it compiles and can be linted.
    #[test]
    fn committed_templates_equal_the_generated_text() -> Result<(), Failure> {
        let layout = Layout::find()?;
        let edited = Edited { test: 1, literal: 1 };
        for suite in Suite::ALL {
            let cases = layout.template(suite).join("tests/suite/cases");
            let list = read(&cases.join("mod.rs"))?;
            assert_eq!(list, source::module_list(suite, 1), "{}", suite.name());
            let module = read(&cases.join("module_000.rs"))?;
            assert_eq!(module, source::module(suite, 1..2, edited), "{}", suite.name());
        }
        Ok(())
    }

    #[test]
    fn last_module_has_the_remaining_tests() -> Result<(), Failure> {
        let folder = std::env::temp_dir().join(format!("peers-generate-{}", std::process::id()));
        let generated = Generated { suite: Suite::Libtest, tests: 250, folder: folder.clone() };
        assert_eq!(generated.modules(), 3);
        for module in 0..3 {
            generated.write_module(module, 1)?;
        }
        let last = read(&folder.join("tests/suite/cases/module_002.rs"))?;
        assert_eq!(last.matches("#[tokio::test]").count(), 50);
        let middle = folder.join("tests/suite/cases/module_001.rs");
        assert!(read(&middle)?.contains("black_box(1_u64)"));
        generated.edit(2)?;
        assert!(read(&middle)?.contains("black_box(2_u64)"));
        fs::remove_dir_all(&folder).context(|| "removing the trial folder".to_owned())
    }
}
