//! Hundreds of small tests that acquire all kinds of resources, and check that they exist while they use them.
//!
//! The driver sets three variables: `SOAK_JOURNAL` is a file in which tests note acquired resources, `SOAK_OUTSIDE` is a folder for
//! resources outside of processes, and `SOAK_ADDRESS` is the address on which programs listen.

mod green;
mod leaky;
mod red;
mod resources;
mod surroundings;

itest::main!();
