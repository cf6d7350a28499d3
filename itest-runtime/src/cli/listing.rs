//! `--list`: names, and nothing else is touched.

use std::io::{self, Write};

use crate::model::Format;

/// Prints one line a name, as libtest does.
///
/// # Errors
///
/// When stdout cannot be written to.
pub(super) fn list<'n>(names: impl Iterator<Item = &'n str>, format: Format, out: &mut dyn Write) -> io::Result<()> {
    let mut count = 0_usize;
    for name in names {
        out.write_all(name.as_bytes())?;
        out.write_all(b": test\n")?;
        count += 1;
    }
    if format == Format::Pretty {
        let plural = if count == 1 { "" } else { "s" };
        writeln!(out, "\n{count} test{plural}, 0 benchmarks")?;
    }
    out.flush()
}
