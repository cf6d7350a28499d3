//! Any other service as a fixture: a suite defines its name, its program or image, and when it is ready.

mod adapter;
mod check;
mod container;
mod definition;
mod endpoint;
mod fixture;
mod namespace;
mod private;
mod readiness;

pub use container::ContainerOptions;
pub use definition::AnyService;
pub use fixture::ServiceOf;
pub use namespace::Namespace;
pub use private::PrivateService;
pub use readiness::Readiness;
