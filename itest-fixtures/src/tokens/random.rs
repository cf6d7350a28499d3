//! Random bytes of the operating system.

use getrandom::SysRng;
use getrandom::rand_core::{Rng, UnwrapErr};

use super::unsigned::encoded;

pub(super) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    UnwrapErr(SysRng).fill_bytes(&mut bytes);
    bytes
}

/// An id that no other token and no other key has.
pub(super) fn random_id() -> String {
    encoded(&random_bytes::<12>())
}
