//! The fixtures without a setup function: [`TestInfo`] and [`Teardown`].

use std::any::Any;

use super::context::TestInfo;
use super::fixture::{Fixture, FixtureDescriptor};
use super::function::Function;
use super::scope::{DependentScope, TestScope};
use super::teardown::Teardown;

#[diagnostic::do_not_recommend]
impl Fixture for Teardown {
    type Scope = DependentScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                &[],
                Function::Async(|inputs| {
                    Box::pin(async move { Ok(Box::new(inputs.teardown().clone()) as Box<dyn Any>) })
                }),
            )
        }
    }
}

#[diagnostic::do_not_recommend]
impl Fixture for TestInfo {
    type Scope = TestScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                &[],
                Function::Async(|inputs| {
                    Box::pin(async move {
                        let info = inputs.info().ok_or("no test is running")?;
                        Ok(Box::new(info.clone()) as Box<dyn Any>)
                    })
                }),
            )
        }
    }
}
