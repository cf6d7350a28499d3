//! `--list`: names, and nothing else is touched.

use std::io::{self, Write};

use crate::model::{Case, Format};

/// Prints one line a case, as libtest does.
///
/// # Errors
///
/// When stdout cannot be written to.
pub(super) fn list<'c>(cases: impl Iterator<Item = &'c Case>, format: Format, out: &mut dyn Write) -> io::Result<()> {
    let mut count = 0_usize;
    for case in cases {
        out.write_all(case.id.as_str().as_bytes())?;
        out.write_all(b": test\n")?;
        count += 1;
    }
    if format == Format::Pretty {
        let plural = if count == 1 { "" } else { "s" };
        writeln!(out, "\n{count} test{plural}, 0 benchmarks")?;
    }
    out.flush()
}
