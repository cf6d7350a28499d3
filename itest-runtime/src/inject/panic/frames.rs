//! The frames of a call stack that belong to the user's code.

use std::backtrace::{Backtrace, BacktraceStatus};

/// Functions of the panic machinery. The built-in fixtures are among them, because their assertions panic on behalf of their callers.
const PANIC_FRAMES: [&str; 6] = [
    "rust_begin_unwind",
    "core::panicking::",
    "core::option::",
    "core::result::",
    "std::panicking::begin_panic",
    "itest_fixtures::",
];

/// Functions that call the user's code: functions of the harness, of the start of a thread, and of the runtime.
const HARNESS_FRAMES: [&str; 5] =
    ["itest_runtime::", "__INVENTORY", "__rust_begin_short_backtrace", "spawn_unchecked", "tokio::runtime::"];

/// The frames between the panic machinery and the harness, renumbered from 0. `None` if `RUST_BACKTRACE` does not request them.
pub(super) fn user_frames(backtrace: &Backtrace) -> Option<String> {
    if backtrace.status() != BacktraceStatus::Captured {
        return None;
    }
    let text = backtrace.to_string();
    let mut frames: Vec<(&str, &str)> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((_, symbol)) = line.trim_start().split_once(": ") else { continue };
        let place = lines.next_if(|next| next.trim_start().starts_with("at ")).unwrap_or_default();
        frames.push((symbol, place.trim_start()));
    }
    let is_machinery = |(symbol, _): &(&str, &str)| PANIC_FRAMES.iter().any(|part| symbol.contains(part));
    let is_caller = |(symbol, _): &&(&str, &str)| HARNESS_FRAMES.iter().any(|part| symbol.contains(part));
    let begin = frames.iter().position(is_machinery).unwrap_or(0);
    let begin = begin + frames[begin..].iter().take_while(|frame| is_machinery(frame)).count();
    let frames: Vec<_> = frames[begin..]
        .iter()
        .take_while(|frame| !is_caller(frame))
        .filter(|(symbol, _)| !symbol.starts_with("core::"))
        .enumerate()
        .map(|(number, (symbol, place))| match *place {
            "" => format!("{number:>4}: {symbol}"),
            place => format!("{number:>4}: {symbol}\n             {place}"),
        })
        .collect();
    // A single frame adds nothing, because the report names its line already.
    (frames.len() > 1).then(|| frames.join("\n"))
}
