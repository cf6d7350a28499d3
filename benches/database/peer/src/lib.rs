//! Nothing: the suite is under `tests/`.
