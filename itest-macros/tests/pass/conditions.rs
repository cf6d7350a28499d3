//! Conditions in a function: what does not hold is as if it were not written there.

#![deny(warnings)]

use std::fmt::Debug;

use itest::prelude::*;

#[derive(Debug)]
struct Shop;

#[derive(Debug)]
struct Cart;

#[fixture]
fn shop(#[cfg(windows)] _registry: &Registry, #[cfg(not(windows))] _teardown: &Teardown) -> Shop {
    Shop
}

#[fixture]
fn cart() -> Cart {
    Cart
}

#[teardown]
fn remove(#[cfg(windows)] _handle: Handle, #[cfg(not(windows))] _path: String) {}

#[integration_test]
fn parameters(
    #[cfg(windows)] thing: &Registry,
    #[cfg(not(windows))] thing: &Shop,
    #[cfg_attr(windows, allow(unused_variables))] cart: &Cart,
    #[cfg(all(unix, not(windows)))] teardown: &Teardown,
) -> Result<()> {
    assert_eq!(format!("{thing:?} {cart:?}"), "Shop Cart");
    teardown.durable(remove, String::new())?;
    Ok(())
}

#[integration_test]
#[cfg_attr(windows, case::backslash("\\", '\\'))]
#[cfg_attr(not(windows), case::slash("/", '/'))]
#[case::mixed(#[cfg(windows)] "\\", #[cfg(not(windows))] "/", '/')]
fn rows(info: &TestInfo, #[case] text: &str, #[case] separator: char) {
    assert!(text.starts_with(separator));
    assert!(["rows::slash", "rows::mixed"].contains(&info.id().as_str()));
}

#[integration_test]
async fn values(
    info: &TestInfo,
    #[values(#[cfg(windows)] Missing::VALUE, 1, #[cfg(unix)] 2)] number: u8,
    #[cfg_attr(unix, values("a"))]
    #[cfg_attr(not(unix), values("b"))]
    text: &str,
) {
    assert_eq!(info.id().as_str(), format!("values::number_{number}::text_{text}"));
}

#[integration_test]
#[over(Thing = [#[cfg(windows)] Registry, Shop, #[cfg(unix)] basket: Cart])]
fn types<Thing: Debug>(info: &TestInfo, thing: &Thing) {
    let name = if format!("{thing:?}") == "Shop" { "types::shop" } else { "types::basket" };
    assert_eq!(info.id().as_str(), name);
}

#[over(Thing = [#[cfg(windows)] Registry, Shop])]
#[integration_test(timeout = "10s")]
fn types_above_the_test<Thing: Debug>(_thing: &Thing) {}

#[integration_test]
fn phases() {
    #[cfg(windows)]
    #[arrange]
    let number = Missing::VALUE;
    #[cfg(unix)]
    #[arrange]
    let number = 1;

    #[cfg_attr(unix, act("adds"))]
    let sum = number + 1;

    #[assert]
    assert_eq!(sum, 2);
}

#[integration_test]
fn phases_under_conditions_only() {
    #[cfg_attr(unix, act("adds"))]
    let sum = 1 + 1;
    #[cfg_attr(unix, assert)]
    assert_eq!(sum, 2);
}

// A test without a case compiles, and does not run.

#[integration_test]
#[cfg_attr(windows, case::first(Missing::VALUE))]
#[cfg_attr(windows, case(2))]
fn no_rows(#[case] number: u8) {
    panic!("it has no case, and not {number}");
}

#[integration_test]
async fn no_values(shop: &Shop, #[values(#[cfg(windows)] Missing::VALUE)] number: u8, #[values(1, 2)] other: u8) {
    panic!("it has no case, and not {number} and {other} and {shop:?}");
}

#[integration_test]
#[over(Thing = [#[cfg(windows)] Registry])]
#[case(1)]
fn no_types<Thing: Debug>(thing: &Thing, #[case] number: u8) {
    #[act]
    let text = format!("{thing:?} {number}");
    #[assert]
    assert_eq!(text, "");
}

itest::main!();
