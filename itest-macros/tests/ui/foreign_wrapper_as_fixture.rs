use itest::prelude::*;

use std::sync::Arc;

struct Settings;

#[fixture]
fn settings() -> Arc<Settings> {
    Arc::new(Settings)
}

fn main() {}
