//! Each dependency of the system is down for a while, restarts, or is slow: in the end, the order is delivered and everything has happened once.

use std::time::Duration;

use courier::broker::{DELIVERIES, PAID_ORDERS};
use courier::orders::Status;
use itest::prelude::*;
use itest::s3::Bucket;
use itest::{ConnectionFault, Response};

use crate::fixtures::{ADA, DispatchService, DispatchSetup, Events, OrdersService, OrdersSetup, mail_about};

/// What the services are connected with.
#[derive(Clone, Copy, Debug)]
enum Dependency {
    DatabaseOfOrders,
    DatabaseOfDispatch,
    BrokerOfOrders,
    BrokerOfDispatch,
    Payments,
    Cache,
    MailServer,
    Store,
}

/// Both services, one dependency of which is behind a proxy.
struct System {
    orders: OrdersService,
    dispatch: DispatchService,
}

/// The setups of both services. A test leads one URL of them through a proxy.
struct Setups {
    orders: OrdersSetup,
    dispatch: DispatchSetup,
}

#[fixture]
fn setups(orders: &OrdersSetup, dispatch: &DispatchSetup) -> Setups {
    Setups { orders: orders.clone(), dispatch: dispatch.clone() }
}

impl Setups {
    async fn start(
        &self,
        dependency: Dependency,
        proxy: &Proxy,
        events: &Events,
        teardown: &Teardown,
    ) -> Result<System> {
        let (mut orders, mut dispatch) = (self.orders.clone(), self.dispatch.clone());
        let url = match dependency {
            Dependency::DatabaseOfOrders => &mut orders.database,
            Dependency::DatabaseOfDispatch => &mut dispatch.database,
            Dependency::BrokerOfOrders => &mut orders.amqp,
            Dependency::BrokerOfDispatch => &mut dispatch.amqp,
            Dependency::Payments => &mut orders.payments,
            Dependency::Cache => &mut dispatch.redis,
            Dependency::MailServer => &mut dispatch.smtp,
            Dependency::Store => &mut dispatch.store.endpoint,
        };
        *url = proxy.to(url)?;
        let system = System { orders: orders.start(teardown).await?, dispatch: dispatch.start(teardown).await? };
        for queue in [DELIVERIES, PAID_ORDERS] {
            events.expect_consumers(queue, 1).await?;
        }
        system.dispatch.hire("Grace").await?;
        Ok(system)
    }
}

impl System {
    /// Pays for an order. A client whose request fails sends it again.
    async fn pay(&self, order: i64) -> Result<()> {
        eventually(async || self.orders.pay(order).await.ok()).until(|response| is_success(response.as_ref())).await?;
        self.orders.wait_for(order, Status::Assigned).await?;
        Ok(())
    }

    /// Starts and completes a delivery. A courier whose request fails sends it again.
    async fn deliver(&self, order: i64) -> Result<()> {
        let press_both_buttons = async || {
            // A delivery that has ended already cannot start again.
            let _started = self.dispatch.start(order).await;
            self.dispatch.deliver(order).await.ok()
        };
        eventually(press_both_buttons).until(|response| is_success(response.as_ref())).await?;
        self.orders.wait_for(order, Status::Delivered).await?;
        Ok(())
    }
}

fn is_success(response: Option<&Response>) -> bool {
    response.is_some_and(|response| response.status() < 300)
}

/// Checks that everything has happened once. That no second mail was sent, and no second charge was made, is checked after each test.
async fn assert_delivered(system: &System, order: i64, mailbox: &Mailbox, receipts: &Bucket) -> Result<()> {
    mail_about(mailbox, ADA, order).await?;
    receipts.expect(&format!("receipts/{order}.json")).await?;
    assert_eq!(system.dispatch.couriers().await?[0].delivered, 1);
    Ok(())
}

/// The dependency is down when the customer pays, and comes back.
#[integration_test(tags("outage"))]
async fn order_is_delivered_after_an_outage(
    setups: &Setups,
    proxy: &Proxy,
    events: &Events,
    mailbox: &Mailbox,
    receipts: &Bucket,
    teardown: &Teardown,
    #[values(
        Dependency::DatabaseOfOrders,
        Dependency::BrokerOfOrders,
        Dependency::BrokerOfDispatch,
        Dependency::Payments
    )]
    dependency: Dependency,
) -> Result<()> {
    #[arrange]
    let system = setups.start(dependency, proxy, events, teardown).await?;
    let order = system.orders.place(ADA).await?.id;

    #[act]
    proxy.refuse_connections().await?;
    let _refused = system.orders.pay(order).await?;
    proxy.accept_connections().await?;
    system.pay(order).await?;
    system.deliver(order).await?;

    #[assert]
    assert_delivered(&system, order, mailbox, receipts).await
}

/// The dependency is down when the courier has the order, and comes back.
#[integration_test(tags("outage"))]
async fn delivery_ends_after_an_outage(
    setups: &Setups,
    proxy: &Proxy,
    events: &Events,
    mailbox: &Mailbox,
    receipts: &Bucket,
    teardown: &Teardown,
    #[values(Dependency::DatabaseOfDispatch, Dependency::Cache, Dependency::MailServer, Dependency::Store)]
    dependency: Dependency,
) -> Result<()> {
    #[arrange]
    let system = setups.start(dependency, proxy, events, teardown).await?;
    let order = system.orders.paid_order(ADA).await?.id;
    system.orders.wait_for(order, Status::Assigned).await?;

    #[act]
    proxy.refuse_connections().await?;
    let _refused = system.dispatch.start(order).await?;
    let _refused = system.dispatch.deliver(order).await?;
    proxy.accept_connections().await?;
    system.deliver(order).await?;

    #[assert]
    assert_delivered(&system, order, mailbox, receipts).await
}

/// The dependency restarts: all connections are reset at one moment, and new ones are accepted.
#[integration_test(tags("outage"))]
async fn order_is_delivered_after_a_restart(
    setups: &Setups,
    proxy: &Proxy,
    events: &Events,
    mailbox: &Mailbox,
    receipts: &Bucket,
    teardown: &Teardown,
    #[values(
        Dependency::DatabaseOfOrders,
        Dependency::DatabaseOfDispatch,
        Dependency::BrokerOfOrders,
        Dependency::BrokerOfDispatch
    )]
    dependency: Dependency,
) -> Result<()> {
    #[arrange]
    let system = setups.start(dependency, proxy, events, teardown).await?;
    let order = system.orders.place(ADA).await?.id;

    #[act]
    proxy.reset_connections().await?;
    system.pay(order).await?;
    system.deliver(order).await?;

    #[assert]
    assert_delivered(&system, order, mailbox, receipts).await
}

/// Everything that the dependency sends comes late, but within the time limits.
#[integration_test(tags("outage"))]
async fn order_is_delivered_with_a_slow_dependency(
    setups: &Setups,
    proxy: &Proxy,
    events: &Events,
    mailbox: &Mailbox,
    receipts: &Bucket,
    teardown: &Teardown,
    #[values(
        Dependency::DatabaseOfOrders,
        Dependency::DatabaseOfDispatch,
        Dependency::BrokerOfOrders,
        Dependency::BrokerOfDispatch,
        Dependency::Payments,
        Dependency::MailServer,
        Dependency::Store
    )]
    dependency: Dependency,
) -> Result<()> {
    #[arrange]
    proxy.inject_into_connections(ConnectionFault::Slow(Duration::from_millis(10))).on_every_connection();
    let system = setups.start(dependency, proxy, events, teardown).await?;
    let order = system.orders.place(ADA).await?.id;

    #[act]
    system.pay(order).await?;
    system.deliver(order).await?;

    #[assert]
    assert_delivered(&system, order, mailbox, receipts).await
}
