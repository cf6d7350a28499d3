//! Shortens the long texts of tests, so that a report that people open stays small enough to open.

use std::borrow::Cow;

use crate::model::{AttemptReport, CaseReport, Output};

/// The longest text of a test, in bytes.
const MAX_TEXT_BYTES: usize = 256 << 10;

/// The longest line of a text, in bytes.
const MAX_LINE_BYTES: usize = 16 << 10;

/// The number of bytes of long texts in a report. When they are used up, further texts are limited to [`MAX_LATER_TEXT_BYTES`].
const MAX_LONG_TEXTS_BYTES: usize = 64 << 20;

/// The longest text of a test after many long texts, in bytes.
const MAX_LATER_TEXT_BYTES: usize = 4 << 10;

/// The number of bytes that may still be used for long texts.
#[derive(Debug)]
pub(super) struct TextBudget {
    remaining: usize,
}

impl Default for TextBudget {
    fn default() -> Self {
        Self { remaining: MAX_LONG_TEXTS_BYTES }
    }
}

impl TextBudget {
    /// The report of a case with shortened texts, and with output that is valid UTF-8. `None` if the report has no text to change.
    pub(super) fn shortened(&mut self, case: &CaseReport) -> Option<CaseReport> {
        let max = if self.remaining == 0 { MAX_LATER_TEXT_BYTES } else { MAX_TEXT_BYTES };
        let Output { stdout, stderr } = &case.output;
        let texts: usize = lengths(&case.report).sum();
        let long = stdout.len() + stderr.len() + texts;
        if long > MAX_LATER_TEXT_BYTES {
            self.remaining = self.remaining.saturating_sub(long.min(max));
        }
        let is_short = |text: &[u8]| text.len() <= max.min(MAX_LINE_BYTES);
        let is_unchanged = |text: &[u8]| is_short(text) && std::str::from_utf8(text).is_ok();
        if is_unchanged(stdout)
            && is_unchanged(stderr)
            && lengths(&case.report).all(|length| length <= MAX_LINE_BYTES.min(max))
        {
            return None;
        }
        let mut report = case.report.clone();
        for text in texts_of(&mut report) {
            if let Cow::Owned(shorter) = shortened_text(text.as_bytes(), max) {
                *text = shorter;
            }
        }
        let output = |bytes: &[u8]| shortened_text(bytes, max).into_owned().into_bytes();
        Some(CaseReport {
            id: case.id.clone(),
            location: case.location.clone(),
            worker: case.worker,
            lane: case.lane,
            attempts: case.attempts,
            report,
            output: Output { stdout: output(stdout), stderr: output(stderr) },
            started: case.started,
            elapsed: case.elapsed,
            quarantine: case.quarantine.clone(),
        })
    }
}

/// The lengths of all texts that a test can make long.
fn lengths(report: &AttemptReport) -> impl Iterator<Item = usize> {
    let of_problems = report.failures.iter().map(|failure| &failure.problem);
    let problems = of_problems.flat_map(|problem| [Some(&problem.message), problem.backtrace.as_ref()]).flatten();
    let notes = report.notes.iter().map(|note| &note.text);
    let exchanges =
        report.exchanges.iter().flat_map(|exchange| [&exchange.operation, &exchange.request, &exchange.response]);
    problems.chain(notes).chain(&report.leaks).chain(&report.skip_reason).chain(exchanges).map(String::len)
}

/// The texts whose lengths [`lengths`] returns.
fn texts_of(report: &mut AttemptReport) -> impl Iterator<Item = &mut String> {
    let of_problems = report.failures.iter_mut().map(|failure| &mut failure.problem);
    let problems = of_problems.flat_map(|problem| [Some(&mut problem.message), problem.backtrace.as_mut()]).flatten();
    let notes = report.notes.iter_mut().map(|note| &mut note.text);
    let exchanges = report
        .exchanges
        .iter_mut()
        .flat_map(|exchange| [&mut exchange.operation, &mut exchange.request, &mut exchange.response]);
    problems.chain(notes).chain(&mut report.leaks).chain(&mut report.skip_reason).chain(exchanges)
}

/// The beginning and the end of a text, and the beginning of each long line.
fn shortened_text(bytes: &[u8], max: usize) -> Cow<'_, str> {
    let text = if bytes.len() <= max {
        String::from_utf8_lossy(bytes)
    } else {
        // The end of an output says more about a failure than its beginning.
        let (head, tail) = (&bytes[..max / 4], &bytes[bytes.len() - max / 4 * 3..]);
        let omitted = bytes.len() - head.len() - tail.len();
        let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
        format!("{head}\n… {omitted} bytes left out; --format json has them all …\n{tail}").into()
    };
    if text.len() <= MAX_LINE_BYTES || text.split('\n').all(|line| line.len() <= MAX_LINE_BYTES) {
        return text;
    }
    let lines = text.split('\n').map(|line| match line.len() {
        length if length <= MAX_LINE_BYTES => Cow::Borrowed(line),
        length => {
            let end = line.floor_char_boundary(MAX_LINE_BYTES);
            format!("{}… {} bytes more", &line[..end], length - end).into()
        }
    });
    lines.collect::<Vec<_>>().join("\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CaseIndex, Note, SourceLocation, TestId, WorkerId};
    use std::time::Duration;

    fn case(stdout: &[u8], note: &str) -> CaseReport {
        let mut report = AttemptReport::interrupted(CaseIndex(0));
        report.notes.push(Note { title: "rows".to_owned(), text: note.to_owned(), is_warning: false });
        CaseReport {
            id: TestId::new("a"),
            location: SourceLocation::new("tests/a.rs:3:1"),
            worker: WorkerId(0),
            lane: None,
            attempts: 1,
            elapsed: report.elapsed(),
            report,
            output: Output { stdout: stdout.to_vec(), stderr: Vec::new() },
            started: Duration::ZERO,
            quarantine: None,
        }
    }

    #[test]
    fn short_texts_are_not_copied() {
        assert_eq!(TextBudget::default().shortened(&case(b"short\n", "rows")), None);
    }

    #[test]
    fn long_line_and_long_text_are_shortened() {
        let shortened =
            TextBudget::default().shortened(&case(&vec![b'x'; 100 << 20], &"a line\n".repeat(100_000))).unwrap();
        let stdout = String::from_utf8(shortened.output.stdout).unwrap();
        assert!(stdout.len() < 3 * MAX_LINE_BYTES && stdout.contains("bytes left out"), "{}", stdout.len());
        let note = &shortened.report.notes[0].text;
        assert!(note.len() < MAX_TEXT_BYTES + 100 && note.starts_with("a line\n") && note.ends_with("a line\n"));
    }

    #[test]
    fn invalid_bytes_become_replacement_characters() {
        let shortened = TextBudget::default().shortened(&case(b"a\xffb", "")).unwrap();
        assert_eq!(shortened.output.stdout, "a\u{fffd}b".as_bytes());
    }

    #[test]
    fn many_long_texts_do_not_make_an_endless_report() {
        let mut budget = TextBudget::default();
        let long = case(&b"line\n".repeat(60_000), "");
        let bytes: usize = (0..2_000).map(|_| budget.shortened(&long).unwrap().output.stdout.len()).sum();
        assert!(bytes < MAX_LONG_TEXTS_BYTES + 2_000 * 2 * MAX_LATER_TEXT_BYTES, "{bytes}");
    }
}
