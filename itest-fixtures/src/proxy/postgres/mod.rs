//! Connections to PostgreSQL, whose statements are seen one by one.

mod message;
mod session;
mod tunnel;

pub(super) use tunnel::tunnel;
