//! Generated: the modules of the suite.

mod module_000;
