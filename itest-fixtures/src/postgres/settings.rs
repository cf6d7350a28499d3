//! Settings that make a private server fast. Its data need not survive a crash.

/// The settings of private servers and of servers in containers.
pub(super) const SETTINGS: [(&str, &str); 12] = [
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("min_wal_size", "2MB"),
    ("max_wal_size", "256MB"),
    ("dynamic_shared_memory_type", "mmap"),
    ("checkpoint_timeout", "1h"),
    ("shared_buffers", "64MB"),
    ("max_prepared_transactions", "50"),
    ("jit", "off"),
];

/// The option of `initdb` for the smallest files of the write-ahead log, which `min_wal_size` above requires.
pub(super) const WAL_SEGMENT_SIZE: &str = "--wal-segsize=1";
