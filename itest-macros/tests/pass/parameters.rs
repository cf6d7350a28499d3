#![forbid(unsafe_code)]
#![deny(warnings)]

use itest::prelude::*;

struct Shop {
    url: String,
    orders: u32,
}

#[fixture]
fn shop() -> Shop {
    Shop { url: "http://localhost".to_owned(), orders: 0 }
}

struct Store<T>(T);

#[fixture]
fn store() -> Store<u32> {
    Store(7)
}

struct Buffer<const LENGTH: usize>([u8; LENGTH]);

#[fixture]
fn buffer() -> Buffer<4> {
    Buffer([0; 4])
}

trait Clock {
    fn hour(&self) -> u32;
}

struct Noon;

impl Clock for Noon {
    fn hour(&self) -> u32 {
        12
    }
}

#[fixture]
fn clock() -> Box<dyn Clock> {
    Box::new(Noon)
}

mod support {
    pub(crate) struct Broker;

    #[itest::fixture(scope = "worker")]
    async fn broker() -> itest::Result<Broker> {
        Ok(Broker)
    }
}

#[integration_test]
async fn owned(mut shop: Shop, Store(number): Store<u32>) {
    shop.orders += number;
    assert_eq!(shop.orders, 7);
}

#[integration_test]
async fn taken_apart(Shop { url, .. }: Shop, &Buffer([first, ..]): &Buffer<4>) {
    assert!(url.starts_with("http"));
    assert_eq!(first, 0);
}

#[integration_test]
fn shared_twice(one: &Shop, other: &Shop) {
    assert!(std::ptr::eq(one, other));
}

#[integration_test]
fn exclusive(shop: &mut Shop, _: &support::Broker, clock: &Box<dyn Clock>) {
    shop.orders += clock.hour();
}

#[integration_test]
fn exclusive_in_the_worker(_: &mut crate::support::Broker) {}

#[integration_test]
#[case::r#fn(0)]
fn raw_names(r#type: &Shop, #[case] r#match: u32) {
    assert_eq!(r#type.orders + r#match, 0);
}

#[integration_test]
fn lifetimes<'a, 'b: 'a>(shop: &'a Shop, #[values("a", "b")] text: &'b str) {
    let shorter: &'a str = text;
    assert!(!shorter.is_empty() && !shop.url.is_empty());
}

#[integration_test]
fn lints(#[allow(unused_variables)] shop: &Shop, #[expect(unused_variables)] store: Store<u32>) {}

#[integration_test]
fn of_itest(info: &TestInfo, teardown: &Teardown, own: Teardown) {
    assert_eq!(info.id().as_str(), "of_itest");
    let _ = (teardown, own);
}

itest::main!();
