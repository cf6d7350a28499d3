//! What a proxy adds to a connection, beside nginx's module `stream`, in interleaved rounds.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use itest::postgres::{Postgres, Schema};
use itest::prelude::*;
use itest::{Fault, Ready, statement};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

itest::main!();

const ROUNDS: usize = 7;

/// The round trips of a round.
const ROUND_TRIPS: usize = 3_000;

/// The bytes of a round that measures throughput.
const BYTES: usize = 256 * 1024 * 1024;

/// The limits of a proxy relative to nginx: the added latency, the throughput, and the latency with ten rules that do not apply relative to that
/// without rules.
const MAX_ADDED_LATENCY: f64 = 2.0;
const MIN_THROUGHPUT: f64 = 0.5;
const MAX_OF_RULES: f64 = 1.05;

/// The module of nginx that passes connections, where Debian installs it.
const NGINX_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

struct NoTables;

impl Schema for NoTables {
    fn migrator() -> &'static Migrator {
        static MIGRATOR: Migrator = Migrator::DEFAULT;
        &MIGRATOR
    }
}

type Db = Postgres<NoTables>;

/// A service in a thread of its own, which answers each 64 bytes with them, and a long transfer with one byte at its end.
struct Service {
    echo: SocketAddr,
    sink: SocketAddr,
}

#[fixture(scope = "worker")]
async fn service() -> Result<Service> {
    let (echo, sink) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let service = Service { echo: echo.local_addr()?, sink: sink.local_addr()? };
    let (echo, sink) = (echo.into_std()?, sink.into_std()?);
    thread::spawn(move || -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async move {
            let (echo, sink) = (TcpListener::from_std(echo)?, TcpListener::from_std(sink)?);
            tokio::try_join!(answer(echo), swallow(sink))?;
            Ok(())
        })
    });
    Ok(service)
}

async fn answer(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut bytes = [0; 64];
            while stream.read_exact(&mut bytes).await.is_ok() && stream.write_all(&bytes).await.is_ok() {}
        });
    }
}

async fn swallow(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut bytes = vec![0; 256 * 1024];
            let mut left = BYTES;
            while left > 0 {
                match stream.read(&mut bytes).await {
                    Ok(read @ 1..) => left -= read,
                    _ => return,
                }
            }
            // The client sees an error of its connection.
            let _ = stream.write_all(b".").await;
        });
    }
}

/// nginx with a port for each service.
struct Nginx {
    echo: SocketAddr,
    sink: SocketAddr,
    postgres: SocketAddr,
}

#[fixture]
async fn nginx(service: &Service, db: &Db, dir: &TempDir, teardown: &Teardown) -> Result<Nginx> {
    if !Path::new(NGINX_MODULE).exists() {
        unavailable!("nginx", "apt-get install nginx-core libnginx-mod-stream");
    }
    let [echo, sink, postgres] = free_ports()?;
    let (echo_service, sink_service, socket) = (service.echo, service.sink, socket_of(db.url())?);
    let folder = dir.path().display();
    let configuration = format!(
        "daemon off; user root; worker_processes 1; pid {folder}/pid; error_log {folder}/errors; load_module {NGINX_MODULE};
         events {{ worker_connections 256; }}
         stream {{
             tcp_nodelay on;
             server {{ listen {echo}; proxy_pass {echo_service}; }}
             server {{ listen {sink}; proxy_pass {sink_service}; }}
             server {{ listen {postgres}; proxy_pass unix:{}; }}
         }}",
        socket.display()
    );
    // `user` has an effect only if nginx is started as root. Another user could not open the socket of PostgreSQL.
    let file = dir.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let ready = Ready::file(dir.join("pid"));
    Program::new("nginx").arg("-e").arg(dir.join("errors")).arg("-c").arg(&file).ready_when(ready).start(teardown).await?;
    Ok(Nginx { echo, sink, postgres })
}

fn free_ports<const N: usize>() -> Result<[SocketAddr; N]> {
    let listeners: Vec<_> =
        (0..N).map(|_| std::net::TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<_>>()?;
    let addresses: Vec<_> = listeners.iter().map(std::net::TcpListener::local_addr).collect::<std::io::Result<_>>()?;
    addresses.try_into().map_err(|_| "there are as many addresses as listeners".into())
}

/// The socket that the URL of a private server names.
fn socket_of(url: &str) -> Result<PathBuf> {
    let host = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("host="));
    let host = host.ok_or("this measures a private server, so ITEST_POSTGRES_URL must not be set")?;
    Ok(PathBuf::from(host.replace("%2F", "/")).join(".s.PGSQL.5432"))
}

async fn round_trip(address: SocketAddr) -> Result<Duration> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut bytes = [7; 64];
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let began = Instant::now();
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut bytes).await?;
        times.push(began.elapsed());
    }
    Ok(median(times))
}

async fn transfer(address: SocketAddr) -> Result<Duration> {
    let mut stream = TcpStream::connect(address).await?;
    let bytes = vec![7; 256 * 1024];
    let began = Instant::now();
    for _ in 0..BYTES / bytes.len() {
        stream.write_all(&bytes).await?;
    }
    stream.read_u8().await?;
    Ok(began.elapsed())
}

async fn query(url: &str) -> Result<Duration> {
    let mut connection = PgConnection::connect(url).await?;
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let began = Instant::now();
        sqlx::query("SELECT 1").execute(&mut connection).await?;
        times.push(began.elapsed());
    }
    connection.close().await?;
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A bound, what was measured, and whether the bound is met.
fn check(report: &mut String, what: &str, measured: f64, bound: f64, is_met: bool) -> Result<bool> {
    let verdict = if is_met { "met" } else { "missed" };
    writeln!(report, "{what}: {measured:.2} ×, bound {bound} ×: {verdict}")?;
    Ok(is_met)
}

#[integration_test(timeout = "10m")]
async fn proxy_beside_nginx(
    service: &Service,
    db: &Db,
    nginx: &Nginx,
    info: &TestInfo,
    teardown: &Teardown,
) -> Result<()> {
    let proxy_to = |url: String| -> Result<(Proxy, String)> {
        let proxy = Proxy::start(info, teardown)?;
        let through = proxy.to(&url)?;
        Ok((proxy, through))
    };
    let (_echo, echo) = proxy_to(service.echo.to_string())?;
    let (_sink, sink) = proxy_to(service.sink.to_string())?;
    let (_plain, plain) = proxy_to(db.url().to_owned())?;
    let (ruled, with_rules) = proxy_to(db.url().to_owned())?;
    ruled.lenient();
    for number in 0..10 {
        ruled.inject(Fault::ResetBefore).on(statement::containing(&format!("UPDATE table_{number}")));
    }
    let query_through_nginx = {
        let rest = plain.split_once('/').and_then(|(_, rest)| rest.trim_start_matches('/').split_once('/'));
        let (authority, rest) = rest.ok_or("the URL has an authority and a path")?;
        let user = authority.rsplit_once('@').map_or_else(String::new, |(user, _)| format!("{user}@"));
        format!("postgres://{user}{}/{rest}", nginx.postgres)
    };

    let mut measured: [Vec<Duration>; 8] = Default::default();
    for _ in 0..ROUNDS {
        measured[0].push(round_trip(service.echo).await?);
        measured[1].push(round_trip(echo.parse()?).await?);
        measured[2].push(round_trip(nginx.echo).await?);
        measured[3].push(transfer(sink.parse()?).await?);
        measured[4].push(transfer(nginx.sink).await?);
        measured[5].push(query(&plain).await?);
        measured[6].push(query(&with_rules).await?);
        measured[7].push(query(&query_through_nginx).await?);
    }
    let [direct, echo, echo_nginx, sink, sink_nginx, plain, ruled, query_nginx] =
        measured.map(|times| median(times).as_secs_f64());

    let mut report = String::new();
    let names = ["64 bytes there and back: direct", "itest", "nginx", "256 MiB: itest", "nginx"];
    for (name, seconds) in names.iter().zip([direct, echo, echo_nginx, sink, sink_nginx]) {
        writeln!(report, "{name}: {:.1} µs", seconds * 1e6)?;
    }
    for (name, seconds) in ["a query: itest", "itest with ten rules", "nginx"].iter().zip([plain, ruled, query_nginx]) {
        writeln!(report, "{name}: {:.1} µs", seconds * 1e6)?;
    }
    let added = (echo - direct) / (echo_nginx - direct);
    let results = [
        check(&mut report, "added latency / nginx's", added, MAX_ADDED_LATENCY, added <= MAX_ADDED_LATENCY)?,
        check(&mut report, "throughput / nginx's", sink_nginx / sink, MIN_THROUGHPUT, sink_nginx / sink >= MIN_THROUGHPUT)?,
        check(&mut report, "a query with ten rules / without", ruled / plain, MAX_OF_RULES, ruled / plain <= MAX_OF_RULES)?,
    ];
    writeln!(report, "a query / one through nginx: {:.2} ×", plain / query_nginx)?;
    eprintln!("{report}");
    assert!(results.iter().all(|is_met| *is_met), "{report}");
    Ok(())
}
