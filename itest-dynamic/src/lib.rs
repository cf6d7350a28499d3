#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "fixtures")]
#[doc(hidden)]
pub use itest_fixtures;
#[doc(hidden)]
pub use itest_runtime;
