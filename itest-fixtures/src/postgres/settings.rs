//! What makes a private server quick: nothing of it must survive its machine.

/// Settings of private servers, in folders and in containers.
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

/// The smallest files for the log, which `min_wal_size` is made for.
pub(super) const SEGMENTS: &str = "--wal-segsize=1";
