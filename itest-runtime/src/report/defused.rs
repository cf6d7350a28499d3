//! Text of tests that GitHub's runner shall not take for its commands.
//!
//! The runner obeys a line that begins with `::`, also behind blanks, and an older form, `##[`, anywhere in a line. Assertions show
//! what came from elsewhere, so such a line may be anybody's.

use std::io::{self, Write};

/// Passes everything on, a line at a time, and changes lines that would be commands.
#[derive(Debug)]
pub(crate) struct Defused<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Defused<W> {
    /// In front of this.
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

impl<W: Write> Write for Defused<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // To the runner, either of these ends a line.
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

    fn defused(pieces: &[&str]) -> String {
        let mut out = Defused::new(Vec::new());
        for piece in pieces {
            out.write_all(piece.as_bytes()).unwrap();
        }
        out.flush().unwrap();
        String::from_utf8(out.out).unwrap()
    }

    #[test]
    fn commands_are_none_any_more() {
        assert_eq!(defused(&["  ::error::no\n", "a ##[error]b##[x\n"]), "  | ::error::no\na ## [error]b## [x\n");
        assert_eq!(
            defused(&["a\r::stop-commands", "::x\n", "\u{a0}\t:", ":add-mask::y"]),
            "a\r| ::stop-commands::x\n\u{a0}\t| ::add-mask::y"
        );
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let text = "test orders::pay ... ok\n\n  left: a::b\r\n## [x]\n";
        assert_eq!(defused(&[text]), text);
    }
}
