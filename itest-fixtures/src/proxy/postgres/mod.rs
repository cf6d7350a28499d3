//! Connections to PostgreSQL, whose statements are seen one by one.

mod failure;
mod message;
mod passing;
mod session;
mod tunnel;

pub(super) use tunnel::tunnel;
