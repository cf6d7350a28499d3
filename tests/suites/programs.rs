//! Tests that start programs: a small HTTP service, and scripts that misbehave in every way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use itest::prelude::*;
use itest::{Ready, TempDir};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

itest::main!();

/// A limit for what takes milliseconds on a machine that has time.
const SOON: Duration = Duration::from_secs(20);

fn web() -> Program {
    Program::cargo_bin("program-web").port("PORT")
}

fn script(text: &str) -> Program {
    Program::new("sh").args(["-c", text])
}

/// Sends a request, and returns the body of the response.
fn get(program: &RunningProgram, path: &str) -> Result<String> {
    get_from(program.address("PORT")?, path)
}

fn get_from(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    write!(stream, "GET {path} HTTP/1.1\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
}

#[integration_test(tags("ready"))]
#[case::port(Ready::port("PORT"))]
#[case::http(Ready::http("/health"))]
#[case::named_port(Ready::http("/health").on_port("PORT"))]
#[case::log_line(Ready::log_line("listening on"))]
#[case::command(Ready::command(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/{port}"]))]
async fn service_answers_when_it_is_ready(#[case] ready: Ready, teardown: &Teardown) -> Result<()> {
    let program = web().env("WARM_UP_MS", "100").ready_when(ready).start(teardown).await?;
    get(&program, "/")?;
    Ok(())
}

#[integration_test(tags("ready"))]
async fn all_conditions_hold_before_the_test_continues(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let file = dir.join("ready");
    std::fs::write(&file, "old")?;
    let seen = file.clone();
    let probe = Ready::probe("the file is new", move |_| {
        let file = seen.clone();
        async move { if std::fs::read_to_string(file)? == "new" { Ok(()) } else { Err("it is old".into()) } }
    });
    let program = script("sleep 0.1; printf new > ready; sleep 60").current_dir(dir.path());
    program.ready_when(Ready::file("ready")).ready_when(probe).start(teardown).await?;
    assert_eq!(std::fs::read_to_string(file)?, "new");
    Ok(())
}

#[integration_test(tags("ready"))]
async fn port_is_read_from_the_log(teardown: &Teardown) -> Result<()> {
    let program = Program::cargo_bin("program-web").port_from_log("PORT", "listening on http://127.0.0.1:{port}/");
    let program = program.start(teardown).await?;
    assert_eq!(get(&program, "/")?, "1");
    let url = program.url()?;
    program.restart().await?;
    assert_ne!(program.url()?, "");
    assert!(url.starts_with("http://127.0.0.1:"));
    assert_eq!(get(&program, "/")?, "1");
    Ok(())
}

#[integration_test(tags("control"))]
async fn program_has_its_arguments_variables_and_ports(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let text = r#"echo "$0 $1 $PORT $URL $KEPT $LLVM_PROFILE_FILE ${HOME-none}"; pwd; exit 0"#;
    let program = script(text).args(["--listen=127.0.0.1:{port:PORT}", "{\"a\": 1}"]).port("PORT").port("admin");
    let program = program.env("GONE", "1").env_clear().env("URL", "http://[::1]:{port:admin}").env("KEPT", "yes");
    let program = program.current_dir(dir.path()).start(teardown).await?;
    assert!(program.wait().await?.success());
    let (port, admin) = (program.ports().port("PORT")?, program.ports().port("admin")?);
    let profile = std::env::var("LLVM_PROFILE_FILE").unwrap_or_default();
    let line = format!("--listen=127.0.0.1:{port} {{\"a\": 1}} {port} http://[::1]:{admin} yes {profile} none");
    let output = program.output();
    assert_eq!(output.stdout().next(), Some(&*line), "{output}");
    assert_eq!(output.lines().nth(1).map(PathBuf::from), Some(dir.path().canonicalize()?));
    assert!(program.url().is_err() && program.address("http").is_err());
    Ok(())
}

#[integration_test(tags("control"))]
async fn restarted_program_has_the_same_address(teardown: &Teardown) -> Result<()> {
    let program = web().ready_when(Ready::port("PORT")).start(teardown).await?;
    let (id, address) = (program.id(), program.address("PORT")?);
    assert_eq!((get(&program, "/")?, get(&program, "/")?), ("1".to_owned(), "2".to_owned()));
    program.restart().await?;
    assert_ne!(program.id(), id);
    assert_eq!(program.address("PORT")?, address);
    assert_eq!(get(&program, "/")?, "1");
    Ok(())
}

#[integration_test(tags("control"))]
async fn paused_program_does_not_answer_until_it_is_resumed(teardown: &Teardown) -> Result<()> {
    let program = web().ready_when(Ready::port("PORT")).start(teardown).await?;
    program.pause();
    eventually(async || program.is_paused()).equals(true).await?;
    let asking = program.clone();
    let mut answer = tokio::task::spawn_blocking(move || get(&asking, "/").map_err(|error| error.to_string()));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut answer).await.is_err());
    program.resume();
    assert_eq!(answer.await?, Ok("1".to_owned()));
    assert!(!program.is_paused());
    Ok(())
}

#[integration_test(tags("control"))]
async fn paused_program_is_stopped_and_ended_by_teardown(teardown: &Teardown) -> Result<()> {
    let stopped = web().ready_when(Ready::port("PORT")).start(teardown).await?;
    stopped.pause();
    assert_eq!(stopped.stop().await?.code(), Some(0));
    let left = web().ready_when(Ready::port("PORT")).start(teardown).await?;
    left.pause();
    Ok(())
}

#[integration_test(tags("control"))]
async fn killed_program_ends_by_the_signal_and_can_be_restarted(teardown: &Teardown) -> Result<()> {
    let program = web().ready_when(Ready::http("/")).start(teardown).await?;
    assert_eq!(program.status(), None);
    assert_eq!(program.kill().await?.signal(), Some(Signal::KILL.as_raw()));
    assert!(get(&program, "/").is_err());
    program.restart().await?;
    assert_eq!(program.status(), None);
    assert_eq!(program.stop().await?.code(), Some(0));
    assert!(program.output().contains("stopped"));
    Ok(())
}

#[integration_test(tags("control"))]
async fn each_line_is_expected_once(teardown: &Teardown) -> Result<()> {
    let program = web().ready_when(Ready::log_line("listening on")).start(teardown).await?;
    for path in ["/a", "/b"] {
        get(&program, path)?;
        assert_eq!(program.expect_line("request", SOON).await?, format!("request {path}"));
    }
    let missing = program.expect_line("request", Duration::from_millis(50)).await;
    let message = missing.unwrap_err().to_string();
    assert!(message.starts_with("program-web wrote no line that contains `request` within 50ms\n"), "{message}");
    assert!(message.contains("\n| request /b"), "{message}");
    let ended = script("echo 'not this'; exit 0").start(teardown).await?;
    let message = ended.expect_line("never", SOON).await.unwrap_err().to_string();
    assert!(message.contains("before it ended\nit has written last:\n| not this"), "{message}");
    assert_eq!(ended.expect_line("not this", SOON).await?, "not this");
    Ok(())
}

#[integration_test(tags("control"), flavor = "current_thread", start_paused = true)]
async fn program_works_while_the_time_of_the_test_is_paused(teardown: &Teardown) -> Result<()> {
    let program = web().env("WARM_UP_MS", "100").ready_when(Ready::http("/health")).start(teardown).await?;
    program.restart().await?;
    Ok(())
}

#[integration_test(tags("output"))]
async fn output_is_part_of_the_output_of_the_test(teardown: &Teardown) -> Result<()> {
    script("trap 'echo last words; exit 0' TERM; echo to stdout; echo to stderr >&2; sleep 60 & wait")
        .ready_when(Ready::log_line("to stderr"))
        .start(teardown)
        .await?;
    Ok(())
}

/// The output of a test is read more slowly than this program writes.
#[integration_test(tags("output", "flood"), timeout = "100s")]
async fn hundreds_of_megabytes_block_neither_program_nor_test(teardown: &Teardown) -> Result<()> {
    let program = script("yes 0123456789012345678901234567890123456789 | head -c 200000000; echo; echo done");
    let program = program.start(teardown).await?;
    program.expect_line("done", Duration::from_secs(90)).await?;
    assert!(program.wait().await?.success());
    assert!(program.output().lines().count() <= 1_000);
    Ok(())
}

/// A service of the worker.
struct Shared {
    program: RunningProgram,
}

#[fixture(scope = "worker")]
async fn shared(teardown: &Teardown) -> Result<Shared> {
    Ok(Shared { program: web().ready_when(Ready::http("/health")).start(teardown).await? })
}

#[integration_test(tags("worker"))]
fn worker_service_is_shared(shared: &Shared, #[values(0, 1, 2, 3, 4, 5, 6, 7)] number: u32) -> Result<()> {
    get(&shared.program, &format!("/number/{number}"))?;
    Ok(())
}

#[integration_test(tags("worker"))]
async fn worker_service_is_restarted_without_a_leak(shared: &mut Shared) -> Result<()> {
    shared.program.restart().await?;
    get(&shared.program, "/")?;
    Ok(())
}

/// The address of a service of the run.
#[derive(Debug, Serialize, Deserialize)]
struct Central {
    url: String,
    id: u32,
}

#[fixture(scope = "session")]
async fn central(teardown: &Teardown) -> Result<Central> {
    let program = web().ready_when(Ready::http("/health")).start(teardown).await?;
    Ok(Central { url: program.url()?, id: program.id() })
}

#[integration_test(tags("session"))]
fn session_service_is_shared_by_all_workers(central: &Central, #[values(0, 1, 2, 3)] _number: u32) -> Result<()> {
    TcpStream::connect(central.url.trim_start_matches("http://"))?;
    println!("process {}", central.id);
    Ok(())
}

/// A service of the run, for a test that crashes it.
#[derive(Debug, Serialize, Deserialize)]
struct Fragile {
    address: SocketAddr,
}

#[fixture(scope = "session")]
async fn fragile(teardown: &Teardown) -> Result<Fragile> {
    let program = web().ready_when(Ready::http("/health")).start(teardown).await?;
    Ok(Fragile { address: program.address("PORT")? })
}

#[integration_test(tags("lost-session"))]
async fn session_service_crashes(fragile: &Fragile) -> Result<()> {
    get_from(fragile.address, "/exit/7")?;
    eventually(async || TcpStream::connect(fragile.address).is_err()).within(SOON).equals(true).await?;
    Ok(())
}

#[integration_test(tags("conflict"))]
async fn port_of_another_program_is_replaced(teardown: &Teardown) -> Result<()> {
    // The other service takes the port in the moment between its choice and the start of the program.
    static OTHER: Mutex<Vec<std::process::Child>> = Mutex::new(Vec::new());
    let program = web().configure(|command| {
        let port = command.get_envs().find(|(name, _)| *name == "PORT").and_then(|(_, value)| value);
        let mut other = OTHER.lock().unwrap();
        if let (Some(port), true) = (port, other.is_empty()) {
            let mut service = std::process::Command::new(command.get_program());
            let child = service.env("PORT", port).env("ITEST_PROGRAM", "other").spawn().unwrap();
            other.push(child);
            let address = format!("127.0.0.1:{}", port.display());
            while TcpStream::connect(&address).is_err() {
                std::thread::yield_now();
            }
        }
    });
    let program = program.ready_when(Ready::port("PORT")).start(teardown).await;
    let mut other = OTHER.lock().unwrap().pop().ok_or("the other service runs")?;
    other.kill()?;
    other.wait()?;
    get(&program?, "/")?;
    Ok(())
}

#[integration_test(tags("fails"))]
async fn listener_of_another_program_is_not_ready(teardown: &Teardown) -> Result<()> {
    let other = web().ready_when(Ready::port("PORT")).start(teardown).await?;
    let port = other.ports().port("PORT")?;
    let text = format!("echo port={port}; sleep 60");
    let impostor = script(&text).port_from_log("PORT", "port={port}").ready_when(Ready::port("PORT"));
    impostor.startup_timeout(Duration::from_millis(300)).start(teardown).await?;
    Ok(())
}

#[integration_test(tags("fails"))]
#[case::zero("echo bye; exit 0")]
#[case::code("echo 'password=hunter2hunter2'; echo 'the settings are wrong' >&2; exit 3")]
#[case::signal("kill -SEGV $$")]
#[case::fork("sleep 60 & echo started")]
#[case::port_in_use("echo 'bind: Address already in use' >&2; exit 1")]
async fn program_ends_before_it_is_ready(#[case] text: &str, teardown: &Teardown) -> Result<()> {
    script(text).port("PORT").ready_when(Ready::port("PORT")).start(teardown).await?;
    Ok(())
}

#[integration_test(tags("fails"))]
#[case::port(Ready::port("PORT"))]
#[case::http(Ready::http("/health"))]
#[case::log_line(Ready::log_line("listening"))]
#[case::file(Ready::file("/no/such/file"))]
#[case::command(Ready::command(["false"]))]
#[case::missing_command(Ready::command(["no-such-command"]))]
async fn program_is_never_ready(#[case] ready: Ready, teardown: &Teardown) -> Result<()> {
    let program = script("echo waiting; sleep 60").port("PORT").ready_when(ready);
    program.startup_timeout(Duration::from_millis(300)).start(teardown).await?;
    Ok(())
}

/// The program opens its port, closes it, and continues to run.
#[integration_test(tags("fails"))]
async fn program_closes_its_port(teardown: &Teardown) -> Result<()> {
    let text = "trap '' TERM; \"$WEB\" & web=$!; sleep 0.3; kill -KILL $web; wait $web; echo closed; sleep 60";
    let path = std::env::current_exe()?.with_file_name("program-web");
    let program = script(text).env("WEB", path).port("PORT").ready_when(Ready::log_line("closed"));
    let program = program.ready_when(Ready::port("PORT")).startup_timeout(Duration::from_secs(2));
    program.shutdown_timeout(Duration::from_millis(100)).start(teardown).await?;
    Ok(())
}

#[integration_test(tags("fails"))]
async fn mistake_in_a_definition(teardown: &Teardown, #[values(0, 1, 2, 3, 4, 5, 6)] number: u32) -> Result<()> {
    let program = match number {
        0 => Program::cargo_bin("no-such-binary"),
        1 => Program::new("/no/such/program"),
        2 => script("exit 0").current_dir("/no/such/folder"),
        3 => script("exit 0").arg("{port:http}").port("PORT"),
        4 => script("exit 0").ready_when(Ready::port("http")),
        5 => script("exit 0").port_from_log("http", "listening on"),
        _ => script("exit 0").ready_when(Ready::http("/")).port("PORT").port("ADMIN"),
    };
    program.start(teardown).await?;
    Ok(())
}

#[integration_test(tags("ends"))]
async fn program_crashes_during_a_passing_test(teardown: &Teardown) -> Result<()> {
    let program = web().ready_when(Ready::http("/health")).start(teardown).await?;
    assert!(get(&program, "/exit/3")?.is_empty());
    await_end(program.id()).await
}

#[integration_test(tags("ends"))]
async fn program_is_killed_during_a_failing_test(teardown: &Teardown) -> Result<()> {
    let program = web().ready_when(Ready::http("/health")).start(teardown).await?;
    rustix::process::kill_process(pid(program.id())?, Signal::KILL)?;
    await_end(program.id()).await?;
    Err("the order was lost".into())
}

#[integration_test(tags("ends"))]
async fn crash_before_a_restart_fails_the_test(teardown: &Teardown) -> Result<()> {
    let program = web().ready_when(Ready::http("/health")).start(teardown).await?;
    get(&program, "/exit/4")?;
    await_end(program.id()).await?;
    program.restart().await?;
    Ok(())
}

#[integration_test(tags("ends"))]
async fn crash_before_a_stop_fails_the_test(teardown: &Teardown) -> Result<()> {
    let program = web().ready_when(Ready::http("/health")).start(teardown).await?;
    get(&program, "/exit/4")?;
    await_end(program.id()).await?;
    program.stop().await?;
    Ok(())
}

#[integration_test(tags("passes"))]
async fn program_exits_with_zero(teardown: &Teardown) -> Result<()> {
    let program = web().ready_when(Ready::http("/health")).start(teardown).await?;
    get(&program, "/exit/0")?;
    await_end(program.id()).await
}

#[integration_test(tags("passes"))]
async fn end_that_the_test_observes_does_not_fail_it(
    teardown: &Teardown,
    #[values("wait", "status", "may_exit")] way: &str,
) -> Result<()> {
    let program = web().ready_when(Ready::http("/health"));
    let program = if way == "may_exit" { program.may_exit() } else { program };
    let program = program.start(teardown).await?;
    get(&program, "/exit/5")?;
    match way {
        "wait" => assert_eq!(program.wait().await?.code(), Some(5)),
        "status" => {
            let code = eventually(async || program.status().and_then(|status| status.code()));
            code.within(SOON).equals(Some(5)).await?;
        }
        _ => await_end(program.id()).await?,
    }
    Ok(())
}

#[integration_test(tags("ends", "term"))]
async fn program_ignores_sigterm(teardown: &Teardown) -> Result<()> {
    let program = script("trap '' TERM; echo deaf; while :; do sleep 1; done").ready_when(Ready::log_line("deaf"));
    program.shutdown_timeout(Duration::from_millis(200)).start(teardown).await?;
    Err("so that the note is shown".into())
}

#[integration_test(tags("lost"))]
fn worker_service_crashes(shared: &Shared) -> Result<()> {
    get(&shared.program, "/exit/6")?;
    wait_for_end(shared.program.id());
    Ok(())
}

#[integration_test(tags("lost"))]
fn worker_service_works_in_the_next_test(shared: &Shared) -> Result<()> {
    assert_eq!(get(&shared.program, "/")?, "2");
    Ok(())
}

#[integration_test(tags("lost"))]
fn test_without_the_service_passes() {}

fn pid(id: u32) -> Result<rustix::process::Pid> {
    Ok(rustix::process::Pid::from_raw(i32::try_from(id)?).ok_or("the id is valid")?)
}

/// Waits for the end of a process without the methods of its program.
async fn await_end(id: u32) -> Result<()> {
    let is_running = async || std::path::Path::new(&format!("/proc/{id}")).exists();
    eventually(is_running).within(SOON).equals(false).await?;
    Ok(())
}

fn wait_for_end(id: u32) {
    let began = Instant::now();
    while std::path::Path::new(&format!("/proc/{id}")).exists() && began.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(1));
    }
}
