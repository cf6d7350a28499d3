//! Hundreds of small tests that acquire all kinds of resources, and check that they exist while they use them.
//!
//! The driver sets four variables: `SOAK_JOURNAL` is a file in which tests note acquired resources, `SOAK_PROCESSES` is a file in which each
//! process of the suite notes its id, `SOAK_OUTSIDE` is a folder for resources outside of processes, and `SOAK_ADDRESS` is the address on which
//! programs listen.

#[path = "../../../../tests/suites/matrix_clients.rs"]
mod clients;
mod green;
mod leaky;
mod red;
mod resources;
mod surroundings;

mod harness {
    itest::main!();

    pub(crate) fn run() -> std::process::ExitCode {
        main()
    }
}

fn main() -> std::process::ExitCode {
    surroundings::note_process();
    harness::run()
}
