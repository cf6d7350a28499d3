//! Victims: tests that fail after a polluter, which passes but changes shared state.

mod cleaned;
mod several;
mod single;
