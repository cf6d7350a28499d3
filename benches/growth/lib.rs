//! Nothing: the suite beside it tests the harness alone.
