//! Tests that exclude each other or may run at the same time, with every way in which tests can share a fixture or a lock. Each test
//! writes the begin and the end of each use to the file that `JOURNAL` names, and prints output with its name.

use std::fs::OpenOptions;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::marker::PhantomData;
use std::process::Command;
use std::time::Duration;

use itest::prelude::*;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

itest::main!();

/// Writes a line with the monotonic time, which all processes share.
fn note(words: &str) {
    let Ok(path) = std::env::var("JOURNAL") else { return };
    let now = clock_gettime(ClockId::Monotonic);
    let line = format!("{}{:09} {words}\n", now.tv_sec, now.tv_nsec);
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the journal can be written");
}

/// Notes that the test does not use its fixtures and locks any more. Any process may call it.
#[teardown]
fn end_use(test: String) {
    note(&format!("end {test}"));
}

#[teardown]
fn undo(step: String) {
    note(&format!("undo {step}"));
}

/// The body of each test: it notes what it uses, exclusively (`!`) or not, registers durable and deferred steps, writes output in
/// several ways, and sleeps for a time that depends on the seed.
fn use_all(uses: &str, info: &TestInfo, teardown: &Teardown) -> Result<()> {
    let test = info.id().as_str();
    teardown.durable(end_use, test.to_owned())?;
    note(&format!("begin {test} {uses}"));
    let undone = format!("undo {test} deferred-1");
    teardown.defer("the first step", async move { note(&undone) });
    teardown.durable(undo, format!("{test} durable-2"))?;
    let undone = format!("undo {test} deferred-3");
    teardown.defer("the last step", async move { note(&undone) });

    println!("out of {test}");
    eprintln!("err of {test}");
    write_as_c(test);
    let script = "echo \"child of $0\"; echo \"child's err of $0\" >&2";
    Command::new("sh").args(["-c", script, test]).status()?;
    let of_thread = format!("thread of {test}");
    std::thread::spawn(move || std::io::stdout().write_all(format!("{of_thread}\n").as_bytes())).join().ok();

    let mut hasher = DefaultHasher::new();
    (info.seed().0, test).hash(&mut hasher);
    std::thread::sleep(Duration::from_millis(hasher.finish() % 8));
    Ok(())
}

#[expect(unsafe_code, reason = "a C library's own buffer is the point")]
fn write_as_c(test: &str) {
    // SAFETY: `puts` is part of every C library, with this signature.
    unsafe extern "C" {
        fn puts(text: *const std::ffi::c_char) -> std::ffi::c_int;
    }
    let line = std::ffi::CString::new(format!("c of {test}")).unwrap_or_default();
    // SAFETY: the text ends in a zero byte, and lives for longer than the call.
    unsafe { puts(line.as_ptr()) };
}

/// Notes the setup and the teardown of a session fixture.
fn note_lifetime(fixture: &'static str, teardown: &Teardown) {
    note(&format!("up {fixture}"));
    teardown.defer("note", async move { note(&format!("down {fixture}")) });
}

#[derive(Debug, Serialize, Deserialize)]
struct Engine;

#[fixture(scope = "session")]
fn engine(teardown: &Teardown) -> Engine {
    note_lifetime("engine", teardown);
    Engine
}

#[derive(Debug, Serialize, Deserialize)]
struct Database;

#[fixture(scope = "session")]
fn database(_engine: &Engine, teardown: &Teardown) -> Database {
    note_lifetime("database", teardown);
    Database
}

#[derive(Debug, Serialize, Deserialize)]
struct Shop;

#[fixture(scope = "session")]
fn shop(_database: &Database, teardown: &Teardown) -> Shop {
    note_lifetime("shop", teardown);
    Shop
}

#[derive(Debug, Serialize, Deserialize)]
struct Audit;

#[fixture(scope = "session")]
fn audit(_engine: &Engine, teardown: &Teardown) -> Audit {
    note_lifetime("audit", teardown);
    Audit
}

/// Its only dependents are the two counters.
#[derive(Debug, Serialize, Deserialize)]
struct Island;

#[fixture(scope = "session")]
fn island(teardown: &Teardown) -> Island {
    note_lifetime("island", teardown);
    Island
}

trait Side: Send + Sync + 'static {
    const NAME: &'static str;
}

#[derive(Debug)]
struct Left;

#[derive(Debug)]
struct Right;

impl Side for Left {
    const NAME: &'static str = "left";
}

impl Side for Right {
    const NAME: &'static str = "right";
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
struct Counter<S>(PhantomData<fn() -> S>);

#[fixture(scope = "session")]
fn counter<S: Side>(_island: &Island, teardown: &Teardown) -> Counter<S> {
    note_lifetime(S::NAME, teardown);
    Counter(PhantomData)
}

/// One for each worker.
struct Pool;

#[fixture(scope = "worker")]
fn pool(_database: &Database) -> Pool {
    Pool
}

/// One for each test.
struct Cart;

#[fixture]
fn cart(_pool: &Pool) -> Cart {
    Cart
}

struct Order;

#[fixture]
fn order(_cart: Cart, _shop: &Shop) -> Order {
    Order
}

#[integration_test]
fn uses_the_engine_alone(
    _engine: &mut Engine,
    info: &TestInfo,
    teardown: &Teardown,
    #[values(0, 1)] _n: u8,
) -> Result<()> {
    use_all("!engine", info, teardown)
}

#[integration_test]
fn uses_the_engine(_engine: &Engine, info: &TestInfo, teardown: &Teardown, #[values(0, 1, 2)] _n: u8) -> Result<()> {
    use_all("engine", info, teardown)
}

#[integration_test]
fn uses_the_database_alone(
    _database: &mut Database,
    info: &TestInfo,
    teardown: &Teardown,
    #[values(0, 1)] _n: u8,
) -> Result<()> {
    use_all("engine,!database", info, teardown)
}

#[integration_test]
fn uses_the_database(
    _database: &Database,
    info: &TestInfo,
    teardown: &Teardown,
    #[values(0, 1, 2)] _n: u8,
) -> Result<()> {
    use_all("engine,database", info, teardown)
}

#[integration_test]
fn uses_the_shop_alone(_shop: &mut Shop, info: &TestInfo, teardown: &Teardown, #[values(0, 1)] _n: u8) -> Result<()> {
    use_all("engine,database,!shop", info, teardown)
}

#[integration_test]
fn uses_the_shop(_shop: &Shop, info: &TestInfo, teardown: &Teardown, #[values(0, 1, 2)] _n: u8) -> Result<()> {
    use_all("engine,database,shop", info, teardown)
}

#[integration_test]
fn uses_the_audit_alone(
    _audit: &mut Audit,
    info: &TestInfo,
    teardown: &Teardown,
    #[values(0, 1)] _n: u8,
) -> Result<()> {
    use_all("engine,!audit", info, teardown)
}

#[integration_test]
fn uses_the_pool(_pool: &Pool, info: &TestInfo, teardown: &Teardown, #[values(0, 1, 2)] _n: u8) -> Result<()> {
    use_all("engine,database", info, teardown)
}

#[integration_test]
fn uses_an_order(_order: Order, info: &TestInfo, teardown: &Teardown, #[values(0, 1, 2)] _n: u8) -> Result<()> {
    use_all("engine,database,shop", info, teardown)
}

#[integration_test]
fn uses_a_cart_and_the_audit_alone(
    _audit: &mut Audit,
    _cart: &Cart,
    info: &TestInfo,
    teardown: &Teardown,
) -> Result<()> {
    use_all("engine,database,!audit", info, teardown)
}

#[integration_test]
#[over(S = [Left, Right])]
fn uses_a_counter_alone<S: Side>(
    _counter: &mut Counter<S>,
    info: &TestInfo,
    teardown: &Teardown,
    #[values(0, 1)] _n: u8,
) -> Result<()> {
    use_all(&format!("island,!{}", S::NAME), info, teardown)
}

#[integration_test]
fn uses_the_island_alone(_island: &mut Island, info: &TestInfo, teardown: &Teardown) -> Result<()> {
    use_all("!island", info, teardown)
}

#[integration_test(serial = "printer")]
fn prints(info: &TestInfo, teardown: &Teardown, #[values(0, 1, 2)] _n: u8) -> Result<()> {
    use_all("!printer", info, teardown)
}

#[integration_test(serial = "scanner")]
fn scans(info: &TestInfo, teardown: &Teardown, #[values(0, 1)] _n: u8) -> Result<()> {
    use_all("!scanner", info, teardown)
}

#[integration_test(serial = "printer")]
fn prints_in_the_shop_alone(_shop: &mut Shop, info: &TestInfo, teardown: &Teardown) -> Result<()> {
    use_all("engine,database,!shop,!printer", info, teardown)
}

#[integration_test]
fn uses_nothing(info: &TestInfo, teardown: &Teardown, #[values(0, 1, 2, 3)] _n: u8) -> Result<()> {
    use_all("", info, teardown)
}

/// Another process executes its durable steps, and its locks must not be free before that.
#[integration_test]
fn crashes_with_the_engine(_engine: &mut Engine, info: &TestInfo, teardown: &Teardown) -> Result<()> {
    use_all("!engine", info, teardown)?;
    std::process::abort()
}

#[integration_test(serial = "printer")]
fn crashes_while_it_prints(info: &TestInfo, teardown: &Teardown) -> Result<()> {
    use_all("!printer", info, teardown)?;
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    Ok(())
}
