//! Tells on standard error how far the comparison has come.

/// Says what is being done now.
pub(crate) fn doing(what: &str) {
    eprintln!("peers: {what}");
}

/// Says which round is being measured; round 0 is a warm-up.
pub(crate) fn round(what: &str, round: usize, of: usize) {
    // Fifty short rounds need no fifty lines.
    if round == 0 || (of > 20 && !round.is_multiple_of(10)) {
        return;
    }
    eprintln!("peers: {what}: round {round} of {of}");
}
