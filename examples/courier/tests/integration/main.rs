//! The tests of the services orders and dispatch, alone and together. README.md is a guided tour.

mod aftercare;
mod announcements;
mod assignment;
mod behind_proxy;
mod defects;
mod deliveries;
mod fixtures;
mod invariants;
mod judge;
mod life_cycle;
mod orders;
mod outages;
mod payments;
mod programs;
mod progress;
mod provider;

// What the services offer and use. `--integration-coverage FILE` says which of it the tests cover.
itest::integration_points!(
    "GET /health",
    "POST /orders",
    "GET /orders",
    "GET /orders/{id}",
    "POST /orders/{id}/pay",
    "POST /orders/{id}/cancel",
    "POST /couriers",
    "GET /couriers",
    "GET /deliveries/{order}",
    "POST /deliveries/{order}/start",
    "POST /deliveries/{order}/deliver",
    "call payments POST /charges",
    "call mail",
    "call S3 PUT /{bucket}/{*key}",
    // The stand-in for a store that fails.
    "call store PUT /{bucket}/{*key}",
    "publish order.paid",
    "publish delivery.assigned",
    "publish delivery.started",
    "publish delivery.delivered",
    "consume order.paid",
    "consume delivery.assigned",
    "consume delivery.started",
    "consume delivery.delivered",
    "table orders",
    "table courier",
    "table delivery",
    "table inbox",
    "table outbox",
    "workflow life cycle of an order",
);

itest::main!();
