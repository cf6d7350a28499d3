//! Redis: a clean Redis for every test.
//!
//! Where Redis is installed, each worker starts a private server, and a test has the whole server. On the server that `ITEST_REDIS_URL`
//! names, or in a container, a test leases a numbered database.

mod address;
mod cleaner;
mod connection;
mod effects;
mod facts;
mod fixture;
mod key;
mod lease_user;
mod leases;
mod private;
mod programs;
mod server;
mod service;
mod version;
mod worker;

/// The items of the crate `redis` that a suite needs.
pub use ::redis::{
    AsyncCommands, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ToRedisArgs, Value,
    aio::{MultiplexedConnection, PubSub},
    cmd, pipe,
};
pub use fixture::Redis;
pub use key::{Key, StoredValue};
