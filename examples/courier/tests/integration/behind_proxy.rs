//! The services with their databases behind the test's proxy, which can break or observe each statement.

use std::ops::Deref;

use itest::Proxy;
use itest::prelude::*;

use crate::fixtures::{DispatchDb, DispatchService, DispatchSetup, OrdersDb, OrdersService, OrdersSetup};

/// The service orders.
pub(crate) struct OrdersBehindProxy(OrdersService);

#[fixture]
async fn orders_behind_proxy(
    setup: &OrdersSetup,
    db: &OrdersDb,
    proxy: &Proxy,
    teardown: &Teardown,
) -> Result<OrdersBehindProxy> {
    let setup = OrdersSetup { database: db.through(proxy)?, ..setup.clone() };
    Ok(OrdersBehindProxy(setup.start(teardown).await?))
}

impl Deref for OrdersBehindProxy {
    type Target = OrdersService;

    fn deref(&self) -> &OrdersService {
        &self.0
    }
}

/// The service dispatch.
pub(crate) struct DispatchBehindProxy(DispatchService);

#[fixture]
async fn dispatch_behind_proxy(
    setup: &DispatchSetup,
    db: &DispatchDb,
    proxy: &Proxy,
    teardown: &Teardown,
) -> Result<DispatchBehindProxy> {
    let setup = DispatchSetup { database: db.through(proxy)?, ..setup.clone() };
    Ok(DispatchBehindProxy(setup.start(teardown).await?))
}

impl Deref for DispatchBehindProxy {
    type Target = DispatchService;

    fn deref(&self) -> &DispatchService {
        &self.0
    }
}
