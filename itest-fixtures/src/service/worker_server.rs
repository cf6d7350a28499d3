//! Private servers of workers, for services that start in milliseconds: each worker has a server of its own, which no other worker uses.
//!
//! A worker runs one test at a time, so a test may change anything on such a server. A server that has ended, or that cannot be restored
//! after a test, is started again for the next test.

use std::any::Any;
use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use itest_runtime::__private::{FixtureDescriptor, Function, Parameter, SessionScope, ValueCodec};
use itest_runtime::{Fixture, Teardown};

use super::definition::Service;
use super::guard::application_is_not_used;
use super::provider::{Provided, provide};
use super::shared_server::SharedServer;

/// A service whose installed programs start fast enough for a server in each worker. The text of the programs names the product and the
/// version.
pub(crate) trait WorkerService:
    Service<Server = SharedServer, Programs: Display + Serialize + DeserializeOwned>
{
}

/// The decision where the servers of a run come from. It is made once, so that all workers use the same provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) enum ServerSource<S: WorkerService> {
    /// A server at a URL or in a container, which all workers share.
    Shared(SharedServer),
    /// The installed programs. Each worker starts a private server.
    Programs {
        programs: S::Programs,
        /// The reason why the application's URL is not used, if it was set and refused.
        not_used: Option<String>,
    },
}

impl<S: WorkerService> ServerSource<S> {
    /// The text about the provider in the run's summary.
    fn in_words(&self) -> String {
        match self {
            Self::Shared(server) => server.to_string(),
            Self::Programs { programs, not_used } => {
                format!(
                    "{programs}, a private server for each worker{}",
                    application_is_not_used::<S>(not_used.as_deref())
                )
            }
        }
    }
}

#[diagnostic::do_not_recommend]
impl<S: WorkerService> Fixture for ServerSource<S> {
    type Scope = SessionScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                const { &[Parameter::shared::<Teardown, SessionScope>()] },
                Function::Async(|inputs| {
                    Box::pin(async move {
                        let [teardown] = inputs.slots();
                        let source = match provide::<S>(teardown.shared()).await? {
                            Provided::Server(server) => Self::Shared(server),
                            Provided::Programs { programs, not_used } => Self::Programs { programs, not_used },
                        };
                        Ok(Box::new(source) as Box<dyn Any>)
                    })
                }),
            )
            .codec(const { &ValueCodec::of::<Self>() })
            .remark(|value| Some(value.downcast_ref::<Self>()?.in_words()))
        }
    }
}
