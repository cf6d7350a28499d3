//! The report for a browser: one HTML file with the compressed events of the run, and a script that shows them.
//!
//! The embedded data are the lines of `--format json`, so that the report has no format of its own. The page contains no text of a test as
//! markup: the script in the page inserts each text as text.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use base64ct::{Base64, Encoding};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::json::write_line;
use super::text_budget::TextBudget;
use super::{FileReportContext, Reporter};
use crate::model::{CaseReport, Event, Outcome, TestId, sort};

/// The markup. The lines in braces are replaced when the page is written.
const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");

/// The script, in the order in which its parts need each other.
const SCRIPT: &[&str] = &[
    include_str!("html/data.js"),
    include_str!("html/text.js"),
    include_str!("html/elements.js"),
    include_str!("html/causes.js"),
    include_str!("html/overview.js"),
    include_str!("html/list.js"),
    include_str!("html/test.js"),
    include_str!("html/run.js"),
    include_str!("html/page.js"),
];

/// The number of compressed bytes on a line of the page: a multiple of three, so that no line but the last one is padded.
const BYTES_PER_LINE: usize = 3 << 12;

/// The number of bytes of lines that are compressed at once. A call of the compression for each token would cost more than the compression.
const MAX_WAITING_BYTES: usize = 64 << 10;

/// The reporter that writes a page.
pub(crate) struct Html {
    context: FileReportContext,
    /// Lines that are not compressed yet.
    lines: Vec<u8>,
    compressed: DeflateEncoder<Vec<u8>>,
    budget: TextBudget,
    is_begun: bool,
    began_unix_ms: u64,
    /// Whether each test failed in this run.
    failed: HashMap<TestId, bool>,
}

/// The first line of the data, which says what the events do not.
#[derive(Serialize)]
struct PageHead<'c> {
    event: &'static str,
    itest_version: &'static str,
    suite: &'c str,
    /// The command that runs a test again, before and after its quoted name. The seed follows.
    repeat: [String; 2],
    /// The tests of each tag.
    tags: &'c BTreeMap<&'static str, Vec<TestId>>,
}

/// A comparison with the newest earlier run of the suite.
#[derive(Serialize)]
struct EarlierRun {
    event: &'static str,
    began_unix_ms: u64,
    /// The number of tests that both runs have executed.
    common: usize,
    /// The tests of both runs that failed in the earlier one.
    failed: Vec<TestId>,
    /// The tests that only this run has executed.
    added: Vec<TestId>,
}

impl Html {
    /// Creates the report of a suite.
    #[must_use]
    pub(crate) fn new(context: FileReportContext) -> Self {
        Self {
            context,
            lines: Vec::new(),
            compressed: DeflateEncoder::new(Vec::new(), Compression::fast()),
            budget: TextBudget::default(),
            is_begun: false,
            began_unix_ms: 0,
            failed: HashMap::new(),
        }
    }

    /// Writes the page up to the data, and the first line of the data.
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.is_begun = true;
        let script = SCRIPT.concat();
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
            hash(&script),
            hash(STYLE)
        );
        let page = PAGE.replace("{policy}", &policy).replace("{style}", STYLE).replace("{script}", &script);
        out.write_all(page.as_bytes())?;
        let FileReportContext { suite, repeat, tags, .. } = &self.context;
        let [before, after] = repeat.around_name_of_test();
        let head = PageHead {
            event: "report",
            itest_version: env!("CARGO_PKG_VERSION"),
            suite,
            repeat: [before, after],
            tags,
        };
        write_object(&head, &mut self.lines)
    }

    /// Adds a line of the record. Long texts of a test are shortened.
    fn add(&mut self, event: &Event) -> io::Result<()> {
        let shortened = match event {
            Event::CaseFinished(case) => self.budget.shortened(case).map(Event::CaseFinished),
            Event::CaseRetried(case) => self.budget.shortened(case).map(Event::CaseRetried),
            _ => None,
        };
        write_line(shortened.as_ref().unwrap_or(event), &mut self.lines)
    }

    /// Compares the run with the newest earlier one, if its record exists.
    fn compare(&mut self) -> io::Result<()> {
        let Some(read) = self.context.earlier_run.take() else { return Ok(()) };
        let Some(record) = read(self.began_unix_ms) else { return Ok(()) };
        let mut earlier = HashMap::new();
        for case in record.attempts() {
            // The last attempt counts.
            earlier.insert(&case.id, is_failure(case));
        }
        let mut run = EarlierRun {
            event: "earlier_run",
            began_unix_ms: record.facts.began_unix_ms,
            common: 0,
            failed: Vec::new(),
            added: Vec::new(),
        };
        for id in self.failed.keys() {
            match earlier.get(id) {
                None => run.added.push(id.clone()),
                Some(has_failed) => {
                    run.common += 1;
                    if *has_failed {
                        run.failed.push(id.clone());
                    }
                }
            }
        }
        sort(&mut run.failed);
        sort(&mut run.added);
        write_object(&run, &mut self.lines)
    }
}

impl Reporter for Html {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        if !self.is_begun {
            self.begin(out)?;
        }
        match event {
            Event::CaseStarted { .. } | Event::CaseSlow(_) | Event::Progress { .. } => return Ok(()),
            Event::RunStarted { facts, .. } => self.began_unix_ms = facts.began_unix_ms,
            Event::CaseFinished(case) => {
                let has_failed = self.failed.entry(case.id.clone()).or_default();
                *has_failed |= is_failure(case);
            }
            Event::RunFinished(_) => self.compare()?,
            _ => {}
        }
        self.add(event)?;
        let is_end = matches!(event, Event::RunFinished(_));
        if is_end || self.lines.len() >= MAX_WAITING_BYTES {
            self.compressed.write_all(&self.lines)?;
            self.lines.clear();
        }
        if is_end {
            self.compressed.try_finish()?;
            write_base64(self.compressed.get_mut(), LastLine::Partial, out)?;
            return out.write_all(b"</script>\n</body>\n</html>\n");
        }
        write_base64(self.compressed.get_mut(), LastLine::Later, out)
    }
}

/// What happens to compressed bytes that do not fill a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LastLine {
    /// They wait for more bytes.
    Later,
    /// They are written as the last line.
    Partial,
}

/// Moves compressed bytes to lines of the page.
fn write_base64(compressed: &mut Vec<u8>, last: LastLine, out: &mut dyn Write) -> io::Result<()> {
    while compressed.len() >= BYTES_PER_LINE || (last == LastLine::Partial && !compressed.is_empty()) {
        let later = compressed.split_off(compressed.len().min(BYTES_PER_LINE));
        let line = std::mem::replace(compressed, later);
        out.write_all(Base64::encode_string(&line).as_bytes())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn write_object(object: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    out.write_all(b"\n")
}

/// The hash by which a content security policy allows a script or a style.
fn hash(text: &str) -> String {
    format!("sha256-{}", Base64::encode_string(&Sha256::digest(text)))
}

fn is_failure(case: &CaseReport) -> bool {
    match case.report.outcome {
        Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => true,
        Outcome::Passed | Outcome::Flaky | Outcome::Skipped | Outcome::Interrupted => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::DeflateDecoder;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::generated::any_run;
    use super::super::text::Repeat;
    use super::*;

    fn page(events: &[Event]) -> String {
        let repeat = Repeat { program: "cargo test --".to_owned(), arguments: Vec::new(), of_one_test: Vec::new() };
        let context = FileReportContext { suite: "suite".to_owned(), repeat, tags: BTreeMap::new(), earlier_run: None };
        let (mut report, mut page) = (Html::new(context), Vec::new());
        for event in events {
            report.event(event, &mut page).unwrap();
        }
        String::from_utf8(page).unwrap()
    }

    fn data_of(page: &str) -> Vec<Value> {
        let (_, data) = page.split_once("data-encoding=\"base64, deflate-raw, lines of JSON\">").unwrap();
        let encoded = data.split_once("</script>").unwrap().0.replace('\n', "");
        let compressed = Base64::decode_vec(&encoded).unwrap();
        let mut lines = String::new();
        DeflateDecoder::new(compressed.as_slice()).read_to_string(&mut lines).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn data_of_the_page_are_the_events_of_the_run(events in any_run()) {
            let data = data_of(&page(&events));
            prop_assert_eq!(&data[0]["event"], "report");
            prop_assert_eq!(&data[1]["event"], "run_started");
            prop_assert_eq!(&data[data.len() - 1]["event"], "run_finished");
            let of = |name: &str| data.iter().filter(|line| line["event"] == name).count();
            prop_assert_eq!(of("case_finished"), events.iter().filter(|event| matches!(event, Event::CaseFinished(_))).count());
        }
    }

    #[test]
    fn assets_cannot_end_their_elements() {
        let script = SCRIPT.concat();
        for word in ["</script", "<!--", "{policy}", "{style}", "{script}"] {
            assert!(!script.contains(word), "the script contains {word}");
        }
        assert!(!STYLE.contains('<'));
    }
}
