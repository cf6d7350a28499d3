//! Teardown functions in all their shapes.

#![forbid(unsafe_code)]
#![deny(warnings)]
#![deny(missing_docs, missing_debug_implementations, unreachable_pub, unused_qualifications)]
#![deny(
    let_underscore_drop,
    single_use_lifetimes,
    trivial_casts,
    unused_lifetimes,
    unused_results,
    non_local_definitions
)]
#![deny(clippy::pedantic)]
#![allow(clippy::unused_async, reason = "that a function is async is what is tried here")]

use std::fmt;
use std::path::PathBuf;

use itest::prelude::*;
use serde::{Deserialize, Serialize};

/// A folder that a test takes and a teardown function gives back.
fn taken(name: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("itest-macros-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[teardown]
fn nothing_returned(folder: PathBuf) {
    let _ = std::fs::remove_dir(folder).is_ok();
}

#[teardown]
async fn nothing_returned_later(folder: PathBuf) {
    nothing_returned(folder).await.unwrap_or_default();
}

#[teardown]
fn result(folder: PathBuf) -> Result<()> {
    std::fs::remove_dir(&folder)?;
    Ok(())
}

#[teardown]
async fn result_later(mut folder: PathBuf) -> Result {
    folder.push("inner");
    assert!(folder.pop());
    removed(&folder).await?;
    Ok(())
}

async fn removed(folder: &std::path::Path) -> std::io::Result<()> {
    std::future::ready(std::fs::remove_dir_all(folder)).await
}

#[teardown]
fn error_of_io(folder: PathBuf) -> std::io::Result<()> {
    std::fs::remove_dir(folder)
}

/// It says no.
#[derive(Debug)]
pub struct Refusal(&'static str);

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// It refuses what it is asked for.
#[teardown]
pub async fn refuses(reason: String) -> std::result::Result<(), Refusal> {
    if reason.is_empty() { Ok(()) } else { Err(Refusal("no")) }
}

#[teardown]
async fn tuple((folder, attempts): (PathBuf, u16)) -> Result<()> {
    assert_eq!(attempts, 3);
    Ok(std::fs::remove_dir(folder)?)
}

/// What must be known to give it back.
#[derive(Debug, Serialize, Deserialize)]
pub struct Lease {
    folder: PathBuf,
    #[serde(default)]
    force: bool,
}

/// Gives it back.
///
/// More about it.
#[teardown]
pub(crate) async fn taken_apart(Lease { folder, force }: Lease) -> Result<()> {
    assert!(!force);
    Ok(std::fs::remove_dir(folder)?)
}

#[teardown]
fn generic_type(folders: Vec<Option<PathBuf>>) {
    for folder in folders.into_iter().flatten() {
        let _ = std::fs::remove_dir(folder).is_ok();
    }
}

#[teardown]
fn borrows(folder: PathBuf) -> another_name::Unit {
    assert!(!folder.as_os_str().is_empty());
}

mod another_name {
    pub(crate) type Unit = ();
}

#[teardown]
fn r#loop(r#type: String) {
    assert_eq!(r#type, "raw");
}

#[teardown]
async fn not_looked_at(_: String) {}

#[teardown]
fn unit((): ()) {}

#[teardown]
fn recursive(depth: u8) {
    if let Some(less) = depth.checked_sub(1) {
        recursive(less);
    }
}

#[teardown]
#[cfg(windows)]
fn elsewhere(handle: Handle) {}

#[cfg(windows)]
#[teardown]
fn elsewhere_too(handle: Handle) {}

#[teardown]
#[cfg_attr(unix, allow(unused_variables))]
#[inline]
fn conditional(name: String) {
    let number = 7;
}

#[allow(unused_variables, reason = "the name says more")]
#[teardown]
#[expect(unused_mut, reason = "so that it can be told")]
fn linted(mut name: String) {}

#[teardown]
fn linted_parameter(#[allow(unused_variables)] name: String) {}

#[teardown]
#[deprecated = "use another"]
fn deprecated(name: String) {
    drop(name);
}

mod support {
    pub(crate) mod buckets {
        use itest::{Result, teardown};
        use serde::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize)]
        struct Inner(String);

        #[derive(Serialize, Deserialize)]
        pub(crate) struct Bucket(Inner);

        impl Bucket {
            pub(crate) fn new(name: &str) -> Self {
                Self(Inner(name.to_owned()))
            }
        }

        pub(crate) struct Buckets;

        impl Buckets {
            #[teardown]
            pub(crate) fn of_a_type(name: String) {
                assert_eq!(name, "bucket");
            }
        }

        #[teardown]
        pub(crate) async fn empty(bucket: Bucket) -> Result<()> {
            super::check(&bucket.0.0)?;
            private(bucket.0).await
        }

        #[teardown]
        async fn private(inner: Inner) {
            assert_eq!(inner.0, "bucket");
        }
    }

    fn check(name: &str) -> std::io::Result<()> {
        if name.is_empty() { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(()) }
    }
}

macro_rules! gives_back {
    ($name:ident, $argument:ty) => {
        #[itest::teardown]
        async fn $name(argument: $argument) -> itest::Result<()> {
            drop(argument);
            Ok(())
        }
    };
}

gives_back!(generated, (String, u16));

#[integration_test]
async fn registered(teardown: &Teardown) -> Result<()> {
    teardown.durable(nothing_returned, taken("nothing_returned")?)?;
    teardown.durable(nothing_returned_later, taken("nothing_returned_later")?)?;
    teardown.durable(result, taken("result")?)?;
    teardown.durable(result_later, taken("result_later")?)?;
    teardown.durable(error_of_io, taken("error_of_io")?)?;
    teardown.durable(tuple, (taken("tuple")?, 3))?;
    teardown.durable(taken_apart, Lease { folder: taken("taken_apart")?, force: false })?;
    teardown.durable(generic_type, vec![None, Some(taken("generic_type")?)])?;
    teardown.durable(support::buckets::empty, support::buckets::Bucket::new("bucket"))?;
    teardown.durable(support::buckets::Buckets::of_a_type, "bucket".to_owned())?;
    teardown.durable(r#loop, "raw".to_owned())?;
    teardown.durable(unit, ())?;
    teardown.durable(recursive, 3)?;
    teardown.durable(generated, ("bucket".to_owned(), 80))?;
    teardown.durable(refuses, String::new())?;
    Ok(())
}

#[integration_test]
async fn awaited() -> Result<()> {
    let folder = taken("awaited")?;
    result(folder.clone()).await?;
    assert!(!folder.exists());
    let error = result(folder.clone()).await.expect_err("it is gone");
    assert!(!error.to_string().is_empty());
    assert_eq!(refuses("why".to_owned()).await.expect_err("it refuses").to_string(), "no");
    borrows(folder).await?;
    not_looked_at(String::new()).await?;
    conditional(String::new()).await?;
    linted(String::new()).await?;
    linted_parameter(String::new()).await?;
    #[expect(deprecated, reason = "it is")]
    deprecated(String::new()).await
}

#[integration_test]
async fn kept_for_later() -> Result<()> {
    let later: Durable<PathBuf> = result(taken("kept_for_later")?);
    later.await
}

#[integration_test]
async fn in_a_function(teardown: &Teardown) -> Result<()> {
    #[teardown]
    fn inner(name: String) {
        assert_eq!(name, "inner");
    }

    teardown.durable(inner, "inner".to_owned())?;
    inner("inner".to_owned()).await
}

/// A fixture registers what it takes.
struct Bucket(PathBuf);

#[fixture(scope = "worker")]
fn bucket(teardown: &Teardown) -> Result<Bucket> {
    let folder = taken("bucket")?;
    teardown.durable(result, folder.clone())?;
    Ok(Bucket(folder))
}

#[integration_test]
fn used_by_a_fixture(bucket: &Bucket) {
    assert!(bucket.0.exists());
}

itest::main!();
