//! Prints the progress of the comparison to standard error.

/// Prints the current step.
pub(crate) fn doing(what: &str) {
    eprintln!("peers: {what}");
}

/// Prints the current round; round 0 is a warm-up.
pub(crate) fn round(what: &str, round: usize, of: usize) {
    // With many rounds, only every tenth is printed.
    if round == 0 || (of > 20 && !round.is_multiple_of(10)) {
        return;
    }
    eprintln!("peers: {what}: round {round} of {of}");
}
