//! What every test and fixture can ask for without anyone having made it: the test itself, and a place for its teardown.

use std::any::Any;

use super::context::TestInfo;
use super::fixture::{Fixture, FixtureDescriptor};
use super::scope::{AskerScope, TestScope};
use super::sync::FunctionKind;
use super::teardown::Teardown;

#[diagnostic::do_not_recommend]
impl Fixture for Teardown {
    type Scope = AskerScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(FunctionKind::Async, &[], |inputs| {
                Box::pin(async move { Ok(Box::new(inputs.teardown().clone()) as Box<dyn Any>) })
            })
        }
    }
}

#[diagnostic::do_not_recommend]
impl Fixture for TestInfo {
    type Scope = TestScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(FunctionKind::Async, &[], |inputs| {
                Box::pin(async move {
                    let info = inputs.info().ok_or("no test is running")?;
                    Ok(Box::new(info.clone()) as Box<dyn Any>)
                })
            })
        }
    }
}
