//! The live progress line at the bottom of a terminal.

use std::io::{self, Write};

use super::text::time;
use crate::model::{Running, sort_by_key};

/// A progress line that is redrawn in place.
#[derive(Debug)]
pub(super) struct LiveLine {
    width: usize,
    total: usize,
    is_drawn: bool,
}

impl LiveLine {
    pub(super) fn new(width: usize) -> Self {
        Self { width, total: 0, is_drawn: false }
    }

    pub(super) fn begin(&mut self, total: usize) {
        self.total = total;
    }

    /// Removes the line, so that other lines can be written.
    pub(super) fn clear(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::take(&mut self.is_drawn) { out.write_all(b"\r\x1b[K") } else { Ok(()) }
    }

    /// Draws the line again.
    pub(super) fn draw(
        &mut self,
        running: &[Running],
        finished: usize,
        failed: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.clear(out)?;
        let line = line(running, finished, failed, self.total);
        let visible: String = line.chars().take(self.width.saturating_sub(1)).collect();
        out.write_all(visible.as_bytes())?;
        self.is_drawn = true;
        out.flush()
    }
}

/// Formats the line, for example `12/31, 1 failed; running: orders::pay 1.20s (act), …`. The test that has been running
/// longest comes first.
fn line(running: &[Running], finished: usize, failed: usize, total: usize) -> String {
    let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let mut running: Vec<_> = running.iter().collect();
    sort_by_key(&mut running, |running| std::cmp::Reverse(running.elapsed));
    let words = running.into_iter().map(|Running { id, elapsed, phase }| {
        let phase = phase.map_or_else(String::new, |phase| format!(" ({phase})"));
        format!("{id} {}{phase}", time(*elapsed))
    });
    let words = words.collect::<Vec<_>>().join(", ");
    let running = if words.is_empty() { words } else { format!("; running: {words}") };
    format!("{finished}/{total}{failures}{running}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Phase, TestId};

    #[test]
    fn longest_running_test_is_first_and_the_line_never_wraps() {
        let running = |name: &str, seconds| Running {
            id: TestId::new(name),
            elapsed: Duration::from_secs(seconds),
            phase: Some(Phase::Act),
        };
        let now = [running("quick", 1), running("slow", 9)];
        assert_eq!(line(&now, 3, 1, 10), "3/10, 1 failed; running: slow 9.00s (act), quick 1.00s (act)");

        let mut live = LiveLine::new(12);
        live.begin(10);
        let mut text = Vec::new();
        live.draw(&now, 3, 0, &mut text).unwrap();
        live.clear(&mut text).unwrap();
        live.clear(&mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "3/10; runni\r\x1b[K");
    }
}
