//! Snapshots of expansions. Each shows the user's source and the expansion that the compiler receives.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{File, Item, ItemMacro, parse_quote};

use crate::{expand_fixture, expand_invariant, expand_teardown, expand_test};

#[test]
fn async_test() {
    let function = quote! {
        /// A book is there.
        async fn book_is_in_the_shop() -> itest::Result {
            assert!(find("book").await?);
            Ok(())
        }
    };
    test("async_test", &quote!(), function);
}

#[test]
fn sync_test() {
    test(
        "sync_test",
        &quote!(),
        quote!(
            pub(crate) fn r#loop() {}
        ),
    );
}

#[test]
fn fixtures() {
    let function = quote! {
        async fn sells(mut cart: Cart, shop: &Shop, Inventory(books): &mut shop::Inventory) {
           cart.add(shop, books).await;
        }
    };
    test("fixtures", &quote!(), function);
}

#[test]
fn every_argument() {
    let arguments = quote! {
        timeout = "1m 30s", retries = 2, serial = "shop", tags("payments", "slow"), covers("POST /orders"),
        ignore = "not yet"
    };
    test(
        "every_argument",
        &arguments,
        quote!(
            async fn sells() {}
        ),
    );
}

#[test]
fn runtime_of_its_own() {
    let function = quote! {
        async fn sells() {}
    };
    test("runtime_with_threads", &quote!(threads = 4), function.clone());
    test("runtime_with_paused_time", &quote!(flavor = "current_thread", start_paused = true), function);
}

#[test]
fn phases() {
    let function = quote! {
        async fn sells() -> Result<()> {
            use shop::Shop;
            let shop = Shop::start().await?;

            #[act("the customer pays", within = "200ms")]
            shop.pay("tok_visa").await?;

            #[assert]
            assert_eq!(shop.charges(), 1);
            Ok(())
        }
    };
    test("phases", &quote!(), function);
}

#[test]
fn cases() {
    let function = quote! {
        #[case::one("book", 1)]
        #[case("books", 2)]
        fn counts(shop: Shop, #[case] title: &str, #[values(Card::Visa, Card::Master)] card: Card, #[case] number: u32) {
            assert_eq!(shop.count(title, card), number);
        }
    };
    test("cases", &quote!(), function);
}

#[test]
fn conditions() {
    let function = quote! {
        #[over(Db = [#[cfg(unix)] ShopSqlite])]
        fn sells<Db>(#[cfg(not(unix))] db: &Db, #[values(1, #[cfg(windows)] 2)] number: u32) {
            assert_eq!(number, 1);
        }
    };
    test("conditions", &quote!(timeout = "3s"), function);
}

#[test]
fn over_types() {
    let function = quote! {
        #[over(Db = [ShopSqlite, postgres: Store<Pg>])]
        #[case::one("book", Db::ONE)]
        #[case::two("books", 2)]
        async fn sells<Db: ShopDatabase>(db: &Db, shop: &mut Shop<Db>, #[case] title: &str, #[case] number: u32) -> Result {
            shop.sell(db, title, number).await
        }
    };
    test("over_types", &quote!(), function);
}

#[test]
fn generic_fixture() {
    let function = quote! {
        async fn shop<'a, Db, const N: usize>(db: &'a Db, cart: Cart<Db>, gateway: &Gateway) -> Result<Shop<Db, N>>
        where
            Db: ShopDatabase,
        {
            Shop::start(db, cart, gateway).await
        }
    };
    fixture("generic_fixture", &quote!(scope = "worker"), function);
}

#[test]
fn sync_fixture() {
    fixture(
        "sync_fixture",
        &quote!(),
        quote!(
            fn cart() -> Cart {
                Cart::default()
            }
        ),
    );
}

#[test]
fn async_fixture() {
    let function = quote! {
        async fn shop(database: &Database, cart: Cart, teardown: &Teardown) -> Result<Shop, StartError> {
            Shop::start(database, cart, teardown).await
        }
    };
    fixture("async_fixture", &quote!(scope = "worker"), function);
}

#[test]
fn session_fixture() {
    let function = quote! {
        fn cluster(network: &Network) -> Result<Cluster> {
            Cluster::start(network)
        }
    };
    fixture("session_fixture", &quote!(scope = "session"), function);
}

#[test]
fn async_teardown() {
    let function = quote! {
        /// Removes a bucket and what is in it.
        #[instrument]
        pub async fn remove((name, port): (String, u16)) -> Result<()> {
            Store::at(port).remove(&name).await
        }
    };
    teardown("async_teardown", &quote!(), function);
}

#[test]
fn sync_teardown() {
    teardown(
        "sync_teardown",
        &quote!(),
        quote!(
            fn r#loop(_: PathBuf) {}
        ),
    );
}

#[test]
fn invariants() {
    let function = quote! {
        /// No money appears or vanishes.
        async fn money_is_conserved(db: &ShopDb, info: &TestInfo) -> Result<()> {
            check(db, info).await
        }
    };
    invariant("async_invariant", &quote!(), function);
    let function = quote! {
        fn nothing_is_left() {}
    };
    invariant("sync_invariant", &quote!(timeout = "2s"), function);
    let function = quote! {
        fn nothing_is_left(db: ShopDb) {}
    };
    invariant("broken_invariant", &quote!(), function);
}

#[test]
fn broken_teardown() {
    let function = quote! {
        async fn remove(name: &str, port: u16) -> Result<()> {
            #[act]
            Store::at(port).remove(name).await
        }
    };
    teardown("broken_teardown", &quote!(), function);
}

#[test]
fn broken_test() {
    let function = quote! {
        #[should_panic]
        #[case(1)]
        async fn sells(number: u32) {
            #[assert]
            assert_eq!(number, 1);
            loop {
                #[act]
                break;
            }
        }
    };
    test("broken_test", &quote!(timout = "10s"), function);
}

#[test]
fn broken_fixture() {
    let function = quote! {
        async fn shop(port: u16) -> Result<Shop> {
            Shop::start(port).await
        }
    };
    fixture("broken_fixture", &quote!(scope = "workers"), function);
}

#[test]
fn something_else() {
    test(
        "something_else",
        &quote!(),
        quote!(
            struct Suite;
        ),
    );
}

fn test(name: &str, arguments: &TokenStream, item: TokenStream) {
    let list = (!arguments.is_empty()).then(|| quote!((#arguments)));
    let written = quote!(#[integration_test #list] #item);
    snapshot(name, &written, &expand_test(arguments, item));
}

fn fixture(name: &str, arguments: &TokenStream, item: TokenStream) {
    let list = (!arguments.is_empty()).then(|| quote!((#arguments)));
    let written = quote!(#[fixture #list] #item);
    snapshot(name, &written, &expand_fixture(arguments, item));
}

fn teardown(name: &str, arguments: &TokenStream, item: TokenStream) {
    let list = (!arguments.is_empty()).then(|| quote!((#arguments)));
    let written = quote!(#[teardown #list] #item);
    snapshot(name, &written, &expand_teardown(arguments, item));
}

fn invariant(name: &str, arguments: &TokenStream, item: TokenStream) {
    let list = (!arguments.is_empty()).then(|| quote!((#arguments)));
    let written = quote!(#[invariant #list] #item);
    snapshot(name, &written, &expand_invariant(arguments, item));
}

fn snapshot(name: &str, written: &TokenStream, expanded: &TokenStream) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text = format!("// Written:\n{}\n// Expanded:\n{}", pretty(written), pretty(expanded));
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn pretty(tokens: &TokenStream) -> String {
    let mut file: File = syn::parse2(tokens.clone()).expect("an expansion is made of items");
    for item in &mut file.items {
        // `prettyplease` does not format the arguments of a macro, so the entry is printed as a constant.
        if let Item::Macro(ItemMacro { mac, .. }) = item
            && mac.path.segments.last().is_some_and(|last| last.ident == "submit")
        {
            let entry = &mac.tokens;
            *item = parse_quote!(const SUBMITTED: _ = #entry;);
        }
    }
    prettyplease::unparse(&file)
}
