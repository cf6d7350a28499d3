//! An invariant whose fixtures no test uses.

use itest::prelude::*;

itest::main!();

struct Inventory;

#[fixture]
fn inventory() -> Inventory {
    Inventory
}

struct Orders;

#[fixture]
fn orders() -> Orders {
    Orders
}

#[invariant]
fn inventory_covers_orders(_inventory: &Inventory, _orders: &Orders) {}

#[integration_test]
fn uses_the_inventory(_inventory: &Inventory) {}

#[integration_test]
fn uses_orders_of_its_own(_inventory: &Inventory, _orders: Orders) {}
