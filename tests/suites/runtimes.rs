//! Tests that block the shared runtime, and tests with a private runtime.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use itest::prelude::*;

itest::main!();

mod shared {
    use super::{Arc, Barrier, Duration, Result, Teardown, integration_test, thread};

    /// Passes under `#[tokio::test(flavor = "multi_thread", worker_threads = 4)]`.
    #[integration_test(timeout = "10s")]
    async fn four_tasks_meet() -> Result<()> {
        let barrier = Arc::new(Barrier::new(4));
        let meet = |_| {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move { barrier.wait().is_leader() })
        };
        for task in (0..4).map(meet).collect::<Vec<_>>() {
            task.await?;
        }
        Ok(())
    }

    fn block_every_thread() {
        let threads = tokio::runtime::Handle::current().metrics().num_workers();
        for _ in 0..threads {
            tokio::spawn(async { thread::sleep(Duration::from_mins(1)) });
        }
    }

    /// The step needs a timer and a socket while all threads of the tests' runtime are blocked.
    #[integration_test(timeout = "300ms")]
    async fn blocks_every_thread_and_awaits(teardown: &Teardown) {
        teardown.defer("give it back", async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let (accepted, connected) = tokio::join!(listener.accept(), tokio::net::TcpStream::connect(address));
            println!("given back: {}", accepted.is_ok() && connected.is_ok());
            Result::<()>::Ok(())
        });
        block_every_thread();
        std::future::pending::<()>().await;
    }

    #[integration_test(timeout = "10s")]
    async fn blocks_every_thread_and_passes(teardown: &Teardown) {
        teardown.defer("give it back", async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            println!("given back: true");
        });
        block_every_thread();
    }

    /// The blocked threads of the tests above must not delay this timer.
    #[integration_test(timeout = "10s")]
    async fn timer_goes_off(#[values(0, 1, 2)] _turn: u8) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

mod own {
    use super::{Duration, Instant, Teardown, integration_test, thread};

    #[integration_test(threads = 1)]
    async fn one_thread(teardown: &Teardown) {
        let metrics = tokio::runtime::Handle::current().metrics();
        assert_eq!(metrics.num_workers(), 1);
        let (request_end, end_requested) = tokio::sync::oneshot::channel::<()>();
        let answer = tokio::spawn(end_requested);
        // The step waits for a task of the body's runtime.
        teardown.defer("end the task", async move {
            drop(request_end);
            answer.await.map(drop)
        });
    }

    #[integration_test(threads = 7)]
    async fn seven_threads() {
        assert_eq!(tokio::runtime::Handle::current().metrics().num_workers(), 7);
    }

    #[integration_test(flavor = "current_thread")]
    async fn tasks_run_between_awaits(teardown: &Teardown) {
        let here = thread::current().id();
        let there = tokio::spawn(async { thread::current().id() }).await;
        assert_eq!(there.ok(), Some(here));
        let (request_end, end_requested) = tokio::sync::oneshot::channel::<()>();
        let answer = tokio::spawn(end_requested);
        teardown.defer("end the task", async move {
            drop(request_end);
            answer.await.map(drop)
        });
    }

    #[integration_test(flavor = "current_thread", start_paused = true)]
    async fn an_hour_passes_at_once() {
        let began = (Instant::now(), tokio::time::Instant::now());
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert!(began.0.elapsed() < Duration::from_secs(30));
        assert!(began.1.elapsed() >= Duration::from_hours(1));
    }

    #[integration_test(flavor = "current_thread")]
    async fn time_is_paused_later() {
        tokio::time::pause();
        tokio::time::sleep(Duration::from_hours(1)).await;
    }

    /// Paused time does not keep the harness's own limit from ending the test.
    #[integration_test(flavor = "current_thread", start_paused = true, timeout = "200ms")]
    async fn never_ends_in_paused_time(teardown: &Teardown) {
        teardown.defer("give it back", async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            println!("given back: true");
        });
        std::future::pending::<()>().await;
    }

    #[integration_test(flavor = "current_thread")]
    async fn leaves_a_task_of_one_thread() {
        tokio::spawn(std::future::pending::<()>());
    }

    #[integration_test(threads = 2)]
    async fn leaves_tasks_of_two_threads() {
        tokio::spawn(std::future::pending::<()>());
        tokio::spawn(async { thread::sleep(Duration::from_mins(1)) });
    }

    #[integration_test(threads = 2)]
    async fn task_panics() {
        let _ = tokio::spawn(async { panic!("in a task") }).await;
    }

    #[integration_test(flavor = "current_thread")]
    async fn task_of_one_thread_panics() {
        let _ = tokio::spawn(async { panic!("in a task") }).await;
    }
}

mod fixtures {
    use super::{Duration, fixture, integration_test};

    /// A fixture whose task runs until the worker ends.
    struct Echo(tokio::sync::mpsc::Sender<tokio::sync::oneshot::Sender<u32>>);

    #[fixture(scope = "worker")]
    async fn echo() -> Echo {
        let (sender, mut requests) = tokio::sync::mpsc::channel::<tokio::sync::oneshot::Sender<u32>>(1);
        tokio::spawn(async move {
            while let Some(reply) = requests.recv().await {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let _ = reply.send(7);
            }
        });
        Echo(sender)
    }

    async fn ask(echo: &Echo) -> Option<u32> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        echo.0.send(reply).await.ok()?;
        answer.await.ok()
    }

    #[integration_test(flavor = "current_thread")]
    async fn worker_fixture_answers_a_runtime_of_one_thread(echo: &Echo, #[values(0, 1)] _turn: u8) {
        assert_eq!(ask(echo).await, Some(7));
    }

    #[integration_test(threads = 2)]
    async fn worker_fixture_answers_a_runtime_of_two_threads(echo: &Echo, #[values(0, 1)] _turn: u8) {
        assert_eq!(ask(echo).await, Some(7));
    }

    #[integration_test]
    async fn worker_fixture_answers_the_shared_runtime(echo: &Echo, #[values(0, 1)] _turn: u8) {
        assert_eq!(ask(echo).await, Some(7));
    }
}

/// Uses 3 MiB of arrays, about 6 MiB of stack without optimizations: more than the 2 MiB of a Rust thread, less than 8 MiB.
#[integration_test]
fn uses_six_megabytes_of_stack() {
    fn deep(bytes: usize) -> usize {
        let page = std::hint::black_box([1_u8; 4096]);
        if bytes < page.len() { 0 } else { deep(bytes - page.len()) + usize::from(page[0]) }
    }
    assert!(deep(3 << 20) > 0);
}

/// Debuggers and profilers make a test slower than its limits allow.
#[integration_test(timeout = "50ms")]
fn takes_longer_than_its_limits() {
    #[act("thinks", within = "1ms")]
    thread::sleep(Duration::from_millis(300));
    #[assert]
    println!("test process {}", std::process::id());
}
