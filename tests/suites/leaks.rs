//! Tests that leak resources.
#![expect(unsafe_code, reason = "changing the environment is unsafe, and what some tests do")]

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use itest::prelude::*;

itest::main!();

#[integration_test]
async fn tidy_async(dir: TempDir) -> Result<()> {
    let file = std::fs::File::create(dir.join("file"))?;
    let task = tokio::spawn(async { 7 });
    assert_eq!(task.await?, 7);
    drop(file);
    Ok(())
}

#[integration_test]
fn tidy_sync() {
    let thread = std::thread::spawn(|| 7);
    assert_eq!(thread.join().expect("it does not panic"), 7);
    let status = Command::new("true").status();
    assert!(status.is_ok_and(|status| status.success()));
}

#[integration_test]
async fn tidy_in_a_moment() {
    tokio::spawn(tokio::time::sleep(Duration::from_millis(10)));
    std::thread::spawn(|| std::thread::park_timeout(Duration::from_millis(10)));
}

#[integration_test]
fn leaves_a_child() {
    let child = Command::new("sleep").arg("300").stdout(Stdio::null()).spawn();
    assert!(child.is_ok());
}

#[integration_test]
fn leaves_a_zombie_only() {
    let child = Command::new("true").spawn();
    assert!(child.is_ok());
    std::thread::park_timeout(Duration::from_millis(20));
}

#[integration_test]
fn leaves_a_daemon() {
    let script = "setsid sh -c 'exec sleep 300' </dev/null >/dev/null 2>&1 &";
    assert!(Command::new("sh").args(["-c", script]).status().is_ok_and(|status| status.success()));
}

#[integration_test]
fn leaves_a_daemon_without_environment() {
    let script = "setsid env -i sleep 300 </dev/null >/dev/null 2>&1 &";
    assert!(Command::new("sh").args(["-c", script]).status().is_ok_and(|status| status.success()));
}

#[integration_test]
fn leaves_a_thread() {
    let thread = std::thread::Builder::new().name("busybody".to_owned());
    assert!(thread.spawn(|| std::thread::park_timeout(Duration::from_mins(5))).is_ok());
}

#[integration_test]
async fn leaves_a_task() {
    tokio::spawn(std::future::pending::<()>());
}

#[integration_test]
fn leaves_an_open_file() {
    std::mem::forget(std::fs::File::open("/dev/zero"));
}

#[integration_test]
fn leaves_a_listening_port() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
    std::mem::forget(listener);
}

#[integration_test]
fn leaves_a_variable() {
    // SAFETY: nothing else reads the environment meanwhile.
    unsafe { std::env::set_var("LEFT_BY_A_TEST", "1") };
}

#[integration_test]
fn leaves_the_directory() {
    std::env::set_current_dir("/").expect("it is there");
}

#[integration_test]
fn sees_no_leak_of_other_tests(#[values(0, 1, 2)] _n: u32) {
    assert_eq!(std::env::var_os("LEFT_BY_A_TEST"), None);
    assert_ne!(std::env::current_dir().expect("it is there"), std::path::Path::new("/"));
}

#[integration_test(ignore = "fails", tags("panics"))]
fn panics_in_a_thread() {
    let thread = std::thread::spawn(|| panic!("in a thread"));
    assert!(thread.join().is_err());
}

#[integration_test(ignore = "fails", tags("panics"))]
async fn panics_in_an_unawaited_task() {
    let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let _alive = alive;
        panic!("in a task");
    });
    assert!(dropped.await.is_err());
}

#[integration_test(tags("panics"))]
fn panics_in_a_thread_on_purpose() {
    itest::allow_background_panics("that is the point");
    let thread = std::thread::spawn(|| panic!("on purpose"));
    assert!(thread.join().is_err());
}

/// The worker gets new pipes after this output, which must not be reported as a leak of the next test.
#[integration_test(tags("pipes"))]
fn writes_something() {
    println!("something");
}

#[integration_test(tags("pipes"))]
fn writes_something_and_leaves_a_file() {
    println!("something");
    std::mem::forget(std::fs::File::open("/dev/zero"));
}

/// Ends its process in the way that `HOW` names.
#[integration_test(ignore = "crashes", timeout = "1s")]
fn leaves_a_child_and_a_daemon_and_crashes() -> Result<()> {
    leaves_a_child();
    leaves_a_daemon();
    match std::env::var("HOW")?.as_str() {
        "exits" => std::process::exit(0),
        "kills_itself" => rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?,
        "blocks" => std::thread::sleep(Duration::from_mins(5)),
        _ => std::process::abort(),
    }
    Ok(())
}

#[integration_test(ignore = "waits")]
async fn leaves_a_child_and_a_daemon_and_waits() {
    leaves_a_child();
    leaves_a_daemon();
    std::future::pending::<()>().await;
}

/// Tests with a worker fixture: resources of the fixture are no leaks, and everything else is.
mod beside_a_fixture {
    use std::io;
    use std::net::{SocketAddr, TcpStream, UdpSocket};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::UnixListener;
    use std::sync::Mutex;

    use super::{Command, Duration, Result, Stdio, TcpListener, fixture, integration_test};

    /// Opens a resource of every kind in its setup, and connections when tests need them.
    struct Pool {
        address: SocketAddr,
        connections: Mutex<Vec<TcpStream>>,
        _file: std::fs::File,
    }

    #[fixture(scope = "worker")]
    async fn pool() -> Result<Pool> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // The server has a task for each of its connections.
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                tokio::spawn(async move { tokio::io::copy(&mut connection, &mut tokio::io::sink()).await });
            }
        });
        std::thread::Builder::new().name("of the fixture".to_owned()).spawn(std::thread::park)?;
        Command::new("sleep").arg("300").stdout(Stdio::null()).spawn()?;
        // SAFETY: nothing else reads the environment meanwhile.
        unsafe { std::env::set_var("SET_BY_A_FIXTURE", "1") };
        Ok(Pool { address, connections: Mutex::default(), _file: std::fs::File::open("/dev/zero")? })
    }

    impl Pool {
        fn grow(&self) -> io::Result<()> {
            let connection = TcpStream::connect(self.address)?;
            self.connections.lock().expect("no test panics with it").push(connection);
            Ok(())
        }
    }

    #[integration_test]
    fn honest_uses_the_pool(_pool: &Pool, #[values(0, 1)] _turn: u8) {}

    #[integration_test]
    fn honest_grows_the_pool(pool: &Pool, #[values(0, 1)] _turn: u8) -> Result<()> {
        pool.grow()?;
        Ok(())
    }

    #[integration_test]
    async fn honest_has_a_task(_pool: &Pool) -> Result<()> {
        Ok(tokio::spawn(tokio::time::sleep(Duration::from_millis(5))).await?)
    }

    #[integration_test]
    fn leaves_a_listener(_pool: &Pool) -> Result<()> {
        std::mem::forget(TcpListener::bind("127.0.0.1:0")?);
        Ok(())
    }

    #[integration_test]
    fn leaves_a_listener_with_a_name(_pool: &Pool) -> Result<()> {
        // An abstract name is used because the path of a socket must be short, and paths of temp dirs are not.
        let address =
            std::os::unix::net::SocketAddr::from_abstract_name(format!("left-by-a-test-{}", std::process::id()))?;
        std::mem::forget(UnixListener::bind_addr(&address)?);
        Ok(())
    }

    #[integration_test]
    fn leaves_a_datagram_socket(_pool: &Pool) -> Result<()> {
        std::mem::forget(UdpSocket::bind("127.0.0.1:0")?);
        Ok(())
    }

    #[integration_test]
    fn leaves_a_file(_pool: &Pool) -> Result<()> {
        std::mem::forget(std::fs::File::open("/dev/full")?);
        Ok(())
    }

    #[integration_test]
    async fn leaves_a_task(_pool: &Pool) {
        tokio::spawn(std::future::pending::<()>());
    }

    #[integration_test]
    fn leaves_a_thread_without_a_name(_pool: &Pool) {
        std::thread::spawn(|| std::thread::park_timeout(Duration::from_mins(5)));
    }

    #[integration_test]
    fn leaves_a_variable(_pool: &Pool) {
        // SAFETY: nothing else reads the environment meanwhile.
        unsafe { std::env::set_var("LEFT_BY_A_TEST", "1") };
    }

    /// Is set up before the worker fixture if the first test has both.
    struct ChangedUmask;

    #[fixture]
    fn changed_umask() -> ChangedUmask {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o027));
        ChangedUmask
    }

    #[integration_test]
    fn leaves_an_umask_before_the_fixture_is_made(_umask: ChangedUmask, _pool: &Pool) {}

    #[integration_test]
    async fn leaves_a_thread_that_a_task_started() -> Result<()> {
        let start = || drop(std::thread::spawn(|| std::thread::park_timeout(Duration::from_mins(5))));
        tokio::spawn(async move { start() }).await?;
        Ok(())
    }
}
