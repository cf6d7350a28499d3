//! Where the buckets of a run are: on servers in process, or on the server of a URL.

use std::any::Any;
use std::fmt;

use serde::{Deserialize, Serialize};

use itest_runtime::__private::{
    FixtureDescriptor, FixtureSetting, Function, SessionScope, SettingShape, ValueCodec, inventory,
};
use itest_runtime::{Error, Fixture};

use super::remote::{description, server_of_variable};

inventory::submit! {
    FixtureSetting {
        key: "s3-url",
        shape: SettingShape::Value("URL"),
        help: "The S3 server on which each test gets a bucket, instead of a server in process",
        default_text: "",
    }
}

inventory::submit! {
    FixtureSetting {
        key: "s3-allow",
        shape: SettingShape::Value("HOST/*"),
        help: "S3 servers on other machines on which tests may make and delete buckets, separated by commas",
        default_text: "",
    }
}

/// Where the buckets of a run are. This is decided once, so that all workers use the same server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum BucketSource {
    /// Each bucket is on a server of its own in the process of the test.
    InProcess,
    /// Each bucket is on the server of the URL.
    Remote {
        /// What the summary says about the server.
        description: String,
    },
}

impl BucketSource {
    async fn decide() -> Result<Self, Error> {
        match server_of_variable()? {
            None => Ok(Self::InProcess),
            Some(server) => Ok(Self::Remote { description: description(server).await? }),
        }
    }
}

impl fmt::Display for BucketSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess => formatter.write_str("S3 in process (an imitation of S3), a server for each bucket"),
            Self::Remote { description } => formatter.write_str(description),
        }
    }
}

#[diagnostic::do_not_recommend]
impl Fixture for BucketSource {
    type Scope = SessionScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                &[],
                Function::Async(|_| Box::pin(async move { Ok(Box::new(Self::decide().await?) as Box<dyn Any>) })),
            )
            .codec(const { &ValueCodec::of::<Self>() })
            .remark(|value| Some(value.downcast_ref::<Self>()?.to_string()))
        }
    }
}
