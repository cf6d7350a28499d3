//! Escapes text that GitHub's runner would execute as a command.
//!
//! The runner executes each line that begins with `::`, also after blanks, and an older form, `##[`, anywhere in a
//! line. The messages of tests may contain data from untrusted sources, so such a line must not be executed.

use std::io::{self, Write};

/// A writer that passes on each line, and changes lines that would be commands.
#[derive(Debug)]
pub(crate) struct CommandEscaper<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> CommandEscaper<W> {
    /// Creates an escaper that writes to `out`.
    pub(crate) fn new(out: W) -> Self {
        Self { out, line: Vec::new() }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let blanks = match std::str::from_utf8(&line) {
            Ok(text) => text.len() - text.trim_start().len(),
            Err(_) => line.iter().take_while(|byte| byte.is_ascii_whitespace()).count(),
        };
        let (margin, text) = line.split_at(blanks);
        self.out.write_all(margin)?;
        if text.starts_with(b"::") {
            self.out.write_all(b"| ")?;
        }
        let mut rest = text;
        while let Some(at) = rest.windows(3).position(|bytes| bytes == b"##[") {
            self.out.write_all(&rest[..at + 2])?;
            self.out.write_all(b" ")?;
            rest = &rest[at + 2..];
        }
        self.out.write_all(rest)
    }
}

impl<W: Write> Write for CommandEscaper<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Both characters end a line for the runner.
        for line in bytes.split_inclusive(|byte| [b'\n', b'\r'].contains(byte)) {
            self.line.extend_from_slice(line);
            if line.ends_with(b"\n") || line.ends_with(b"\r") {
                self.pass_on()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(pieces: &[&str]) -> String {
        let mut out = CommandEscaper::new(Vec::new());
        for piece in pieces {
            out.write_all(piece.as_bytes()).unwrap();
        }
        out.flush().unwrap();
        String::from_utf8(out.out).unwrap()
    }

    #[test]
    fn text_that_github_would_execute_is_escaped() {
        assert_eq!(escaped(&["  ::error::no\n", "a ##[error]b##[x\n"]), "  | ::error::no\na ## [error]b## [x\n");
        assert_eq!(
            escaped(&["a\r::stop-commands", "::x\n", "\u{a0}\t:", ":add-mask::y"]),
            "a\r| ::stop-commands::x\n\u{a0}\t| ::add-mask::y"
        );
    }

    #[test]
    fn other_text_is_not_changed() {
        let text = "test orders::pay ... ok\n\n  left: a::b\r\n## [x]\n";
        assert_eq!(escaped(&[text]), text);
    }
}
