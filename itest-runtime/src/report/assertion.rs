//! Readable messages of `assert_eq!` and similar macros: long values are split into lines, and differences are marked.

use std::borrow::Cow;
use std::io::{self, Write};

use diff::Result as Change;

use super::ColorMode;
use super::text::{Style, Styled};

/// Values up to this number of characters stay on one line.
const MAX_ONE_LINE_CHARS: usize = 72;

/// The number of characters of a value that are compared and shown.
const MAX_VALUE_CHARS: usize = 10_000;

/// The number of equal lines that are shown before and after a difference.
const CONTEXT_LINES: usize = 3;

/// The parts of the message of a failed `assert_eq!` or `assert_ne!`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FailedAssertion<'m> {
    head: &'m str,
    left: &'m str,
    right: &'m str,
}

impl<'m> FailedAssertion<'m> {
    /// Parses the standard library's message; `None` if it is another message.
    pub(super) fn parse(message: &'m str) -> Option<Self> {
        let (head, values) = message.split_once("\n  left: ")?;
        let (left, right) = values.split_once("\n right: ")?;
        head.starts_with("assertion `left ").then_some(Self { head, left, right })
    }

    /// Writes the message, each line after `margin`.
    pub(super) fn write(&self, margin: &str, color: ColorMode, out: &mut dyn Write) -> io::Result<()> {
        for line in self.head.lines() {
            writeln!(out, "{margin}{line}")?;
        }
        let (left, right) = (lay_out(&cut(self.left)), lay_out(&cut(self.right)));
        if left == right || (is_short(&left) && is_short(&right)) {
            return write_pair(&left, &right, margin, color, out);
        }
        writeln!(out, "{margin}  {} {}", Styled(color, Style::Red, "- left"), Styled(color, Style::Green, "+ right"))?;
        let changes = diff::lines(&left, &right);
        let shown = near_changes(&changes);
        let mut skipped = false;
        for (change, shown) in changes.iter().zip(shown) {
            if !shown {
                skipped = true;
                continue;
            }
            if std::mem::take(&mut skipped) {
                writeln!(out, "{margin}    …")?;
            }
            match change {
                Change::Both(line, _) => writeln!(out, "{margin}    {line}")?,
                Change::Left(line) => writeln!(out, "{margin}  {}", Styled(color, Style::Red, format!("- {line}")))?,
                Change::Right(line) => writeln!(out, "{margin}  {}", Styled(color, Style::Green, format!("+ {line}")))?,
            }
        }
        Ok(())
    }
}

/// Writes two values, one below the other, with marks under the differences.
fn write_pair(left: &str, right: &str, margin: &str, color: ColorMode, out: &mut dyn Write) -> io::Result<()> {
    let mut names = ["  left: ", " right: "].into_iter();
    for (value, style) in [(left, Style::Red), (right, Style::Green)] {
        let name = names.next().unwrap_or_default();
        for (position, line) in value.lines().enumerate() {
            let name = if position == 0 { name } else { "        " };
            writeln!(out, "{margin}{name}{}", Styled(color, style, line))?;
        }
    }
    if left == right {
        return Ok(());
    }
    let marks: String = diff::chars(left, right)
        .into_iter()
        .filter_map(|change| match change {
            Change::Left(_) => None,
            Change::Both(..) => Some(' '),
            Change::Right(_) => Some('^'),
        })
        .collect();
    let marked = marks.chars().filter(|mark| *mark == '^').count();
    // If most characters differ, marks would not help the reader.
    if marked > 0 && marked * 2 <= marks.len() {
        writeln!(out, "{margin}        {}", marks.trim_end())?;
    }
    Ok(())
}

/// Cuts a value to the length that is shown.
fn cut(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        None => value.into(),
        Some((end, _)) => format!("{}… {} bytes more", &value[..end], value.len() - end).into(),
    }
}

/// For each line, whether it is shown: differences and a few lines around each.
fn near_changes<T>(changes: &[Change<T>]) -> Vec<bool> {
    let is_change = |change: &Change<T>| !matches!(change, Change::Both(..));
    (0..changes.len())
        .map(|line| {
            let around = line.saturating_sub(CONTEXT_LINES)..changes.len().min(line + CONTEXT_LINES + 1);
            changes[around].iter().any(is_change)
        })
        .collect()
}

fn is_short(value: &str) -> bool {
    !value.contains('\n') && value.chars().count() <= MAX_ONE_LINE_CHARS
}

/// Splits a long `Debug` text at its brackets and commas, and a long string at its newlines.
fn lay_out(value: &str) -> String {
    if is_short(value) || value.contains('\n') {
        return value.to_owned();
    }
    if value.starts_with('"') {
        return value.replace("\\n", "\\n\n").replace("\\\"", "\"");
    }
    let mut laid_out = String::with_capacity(value.len() * 2);
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        laid_out.push(character);
        match character {
            '\\' if quoted => laid_out.extend(characters.next()),
            '"' => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' | '(' => {
                let closes = characters.peek().is_some_and(|next| "}])".contains(*next));
                if !closes {
                    depth += 1;
                    break_line(&mut laid_out, depth, &mut characters);
                }
            }
            ',' => break_line(&mut laid_out, depth, &mut characters),
            _ => {}
        }
        let closing = characters.peek().copied().filter(|next| !quoted && "}])".contains(*next));
        let opened = laid_out.ends_with(['{', '[', '(']);
        if closing.is_some() && !opened && depth > 0 {
            depth -= 1;
            while laid_out.ends_with(' ') {
                laid_out.pop();
            }
            break_line(&mut laid_out, depth, &mut characters);
        }
    }
    laid_out
}

fn break_line(text: &mut String, depth: usize, characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while characters.next_if_eq(&' ').is_some() {}
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str) -> String {
        let mut text = Vec::new();
        FailedAssertion::parse(message).unwrap().write("", ColorMode::Plain, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn short_values_are_aligned_with_marks_under_differences() {
        let text = shown("assertion `left == right` failed: receipt\n  left: \"paid now\"\n right: \"paid not\"");
        assert_eq!(
            text,
            "assertion `left == right` failed: receipt\n  left: \"paid now\"\n right: \"paid not\"\n                ^\n"
        );
    }

    #[test]
    fn long_values_are_shown_as_a_line_diff() {
        let order = |status: &str| {
            format!(
                "Order {{ id: OrderId(7), status: {status}, items: [Item {{ name: \"a, b\", quantity: 2 }}], total_cents: 2598 }}"
            )
        };
        let text =
            shown(&format!("assertion `left == right` failed\n  left: {}\n right: {}", order("Paid"), order("Placed")));
        assert!(text.contains("  -   status: Paid,\n"), "{text}");
        assert!(text.contains("  +   status: Placed,\n"), "{text}");
        assert!(text.contains("        name: \"a, b\",\n"), "{text}");
    }

    #[test]
    fn very_long_values_are_cut() {
        let text =
            shown(&format!("assertion `left == right` failed\n  left: {}\n right: {:?}", "x".repeat(100_000), "y"));
        assert!(text.len() < 11_000 && text.contains("… 90000 bytes more"));
    }

    #[test]
    fn other_messages_are_not_parsed() {
        assert_eq!(FailedAssertion::parse("boom"), None);
        assert_eq!(FailedAssertion::parse("x\n  left: 1\n right: 2"), None);
    }
}
