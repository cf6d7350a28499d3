//! A stand-in for a container engine. It implements the requests that itest sends, and refuses all others.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use itest::prelude::*;
use serde_json::{Value, json};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::server::{self, Server};

/// The behaviour of the stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// The engine has every image, and every request succeeds.
    Works,
    /// The engine has no image, and every pull succeeds.
    Pulls,
    /// The engine has no image, and every pull fails.
    PullsNothing,
    /// The engine has no image, and no pull ends.
    PullsForever,
    /// The engine creates containers, and cannot start them.
    StartsNothing,
    /// A started container ends at once.
    EndsAtOnce,
    /// The server of a container has another password than the one in the variables.
    RefusesLogin,
    /// The engine answers a creation only after [`Engine::allow`].
    DelaysCreation,
}

/// The last line in the log of a container that ends at once. The line before has the password, which no report may show.
const LAST_LOG_LINE: &str = "initdb: error: no space left on device";

/// The engine, which listens on a socket and on a port.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    socket: PathBuf,
    port: u16,
}

struct Shared {
    behaviour: Behaviour,
    teardown: Teardown,
    containers: Mutex<BTreeMap<String, Container>>,
    calls: Mutex<Vec<String>>,
    pulled: Mutex<Vec<String>>,
    allowed: Notify,
}

struct Container {
    spec: Value,
    port: u16,
    is_running: bool,
    /// The task that accepts connections, and the task that starts the server.
    tasks: Vec<JoinHandle<()>>,
    server: Arc<tokio::sync::Mutex<Option<Server>>>,
}

type Answer = Result<Response>;

impl Engine {
    /// Starts an engine, which ends with the test.
    pub(crate) fn start(behaviour: Behaviour, teardown: &Teardown) -> Result<Self> {
        // The path of a temp dir may be too long for a socket.
        let number = RandomState::new().hash_one(behaviour as u8);
        let socket = server::folder(&format!("{number:016x}"), teardown)?.join("engine.sock");
        let local = UnixListener::bind(&socket)?;
        let remote = std::net::TcpListener::bind("127.0.0.1:0")?;
        remote.set_nonblocking(true)?;
        let port = remote.local_addr()?.port();
        let remote = TcpListener::from_std(remote)?;
        let shared = Arc::new(Shared {
            behaviour,
            teardown: teardown.clone(),
            containers: Mutex::default(),
            calls: Mutex::default(),
            pulled: Mutex::default(),
            allowed: Notify::new(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            let (local, remote) = (axum::serve(local, router.clone()), axum::serve(remote, router));
            let _ = tokio::join!(local.into_future(), remote.into_future());
        });
        let last = Arc::clone(&shared);
        teardown.defer("end the engine", async move {
            serving.abort();
            last.allowed.notify_waiters();
            let names: Vec<String> = lock(&last.containers).keys().cloned().collect();
            for name in names {
                last.remove(&name).await.map_err(|error| error.to_string())?;
            }
            Ok::<(), String>(())
        });
        Ok(Self { shared, socket, port })
    }

    /// The `DOCKER_HOST` for the socket of this engine.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The `DOCKER_HOST` for the TCP port of this engine.
    pub(crate) fn tcp_host(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// The path of the engine's socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The names of all existing containers.
    pub(crate) fn containers(&self) -> Vec<String> {
        lock(&self.shared.containers).keys().cloned().collect()
    }

    /// The specification with which the only container was created.
    pub(crate) fn spec(&self) -> Result<Value> {
        let containers = lock(&self.shared.containers);
        Ok(containers.values().next().ok_or("there is no container")?.spec.clone())
    }

    /// The requests to the engine, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        lock(&self.shared.calls).clone()
    }

    /// The number of requests that begin with `call`.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls().iter().filter(|request| request.starts_with(call)).count()
    }

    /// Lets the engine create the container whose creation it delays.
    pub(crate) fn allow(&self) {
        self.shared.allowed.notify_one();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = without_version(parts.uri.path()).to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let Ok(body) = to_bytes(body, 1 << 20).await else { return refusal(StatusCode::BAD_REQUEST, "no body") };
    lock(&shared.calls).push(format!("{} {path}", parts.method));
    // A real engine finishes a request even if the client disconnects, so the request runs in a task of its own.
    let done = tokio::spawn(async move { shared.dispatch(&parts.method, &path, &query, &body).await });
    match done.await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn without_version(path: &str) -> &str {
    let rest = path.strip_prefix("/v1.").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    rest.unwrap_or(path)
}

fn parameter<'q>(query: &'q str, name: &str) -> Result<&'q str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    Ok(value.ok_or(format!("{name} is not in {query}"))?)
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, json!({ "message": message }).to_string()).into_response()
}

fn json(status: StatusCode, value: &Value) -> Response {
    (status, [("content-type", "application/json")], value.to_string()).into_response()
}

impl Shared {
    async fn dispatch(self: &Arc<Self>, method: &Method, path: &str, query: &str, body: &[u8]) -> Answer {
        let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method.as_str(), words.as_slice()) {
            ("GET", ["_ping"]) => Ok("OK".into_response()),
            ("GET", ["images", .., "json"]) => Ok(self.image(path)),
            ("POST", ["images", "create"]) => self.pull(query).await,
            ("POST", ["containers", "create"]) => self.create(parameter(query, "name")?, body).await,
            ("POST", ["containers", name, "start"]) => self.start(name).await,
            ("GET", ["containers", name, "json"]) => Ok(self.inspect(name)),
            ("GET", ["containers", name, "logs"]) => self.logs(name),
            ("DELETE", ["containers", name]) => {
                assert_eq!((parameter(query, "force")?, parameter(query, "v")?), ("true", "true"));
                self.remove(name).await
            }
            _ => Ok(refusal(StatusCode::NOT_IMPLEMENTED, &format!("{method} {path} is not supported by the stand-in"))),
        }
    }

    fn has_image(&self) -> bool {
        let has_none = matches!(self.behaviour, Behaviour::Pulls | Behaviour::PullsNothing | Behaviour::PullsForever);
        !has_none || !lock(&self.pulled).is_empty()
    }

    fn image(&self, path: &str) -> Response {
        if self.has_image() {
            return json(StatusCode::OK, &json!({ "Id": "sha256:0" }));
        }
        refusal(StatusCode::NOT_FOUND, &format!("No such image: {path}"))
    }

    async fn pull(&self, query: &str) -> Answer {
        let image = parameter(query, "fromImage")?.replace("%3A", ":");
        match self.behaviour {
            Behaviour::PullsNothing => {
                let message = format!("pull access denied for {image}, repository does not exist");
                return Ok(refusal(StatusCode::NOT_FOUND, &message));
            }
            Behaviour::PullsForever => self.allowed.notified().await,
            _ => lock(&self.pulled).push(image),
        }
        Ok("{\"status\":\"Pulling from library\"}\n{\"status\":\"Download complete\"}\n".into_response())
    }

    async fn create(&self, name: &str, body: &[u8]) -> Answer {
        if !self.has_image() {
            return Ok(refusal(StatusCode::NOT_FOUND, "No such image"));
        }
        if self.behaviour == Behaviour::DelaysCreation {
            self.allowed.notified().await;
        }
        let container = Container {
            spec: serde_json::from_slice(body)?,
            port: 0,
            is_running: false,
            tasks: Vec::new(),
            server: Arc::default(),
        };
        lock(&self.containers).insert(name.to_owned(), container);
        Ok(json(StatusCode::CREATED, &json!({ "Id": name, "Warnings": [] })))
    }

    async fn start(self: &Arc<Self>, name: &str) -> Answer {
        if self.behaviour == Behaviour::StartsNothing {
            let message = "driver failed programming external connectivity: Bind for 127.0.0.1:49153 failed: port is already allocated";
            return Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR, message));
        }
        if self.behaviour == Behaviour::EndsAtOnce {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let folder = server::folder(name, &self.teardown)?;
        let mut containers = lock(&self.containers);
        let container = containers.get_mut(name).ok_or("no such container")?;
        container.port = listener.local_addr()?.port();
        container.is_running = true;
        // As with a real engine, the port is open before the server accepts connections.
        container.tasks.push(tokio::spawn(forward(listener, server::socket(&folder))));
        let (mut spec, slot, teardown) = (container.spec.clone(), Arc::clone(&container.server), self.teardown.clone());
        if self.behaviour == Behaviour::RefusesLogin {
            server::replace_password(&mut spec);
        }
        container.tasks.push(tokio::spawn(async move {
            let mut slot = slot.lock().await;
            let prepared = tokio::task::spawn_blocking(move || server::prepare(&spec, &folder)).await;
            match prepared {
                Ok(Ok(prepared)) => match prepared.start(&teardown).await {
                    Ok(server) => *slot = Some(server),
                    Err(error) => println!("the stand-in cannot start a server: {error}"),
                },
                Ok(Err(error)) => println!("the stand-in cannot prepare a server: {error}"),
                Err(error) => println!("the stand-in cannot prepare a server: {error}"),
            }
        }));
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    fn inspect(&self, name: &str) -> Response {
        let containers = lock(&self.containers);
        let Some(container) = containers.get(name) else { return refusal(StatusCode::NOT_FOUND, "No such container") };
        let exposed = container.spec["ExposedPorts"].clone();
        let inside = exposed.as_object().and_then(|ports| ports.keys().next().cloned());
        let inside = inside.or_else(|| Some(exposed.as_array()?.first()?.as_str()?.to_owned())).unwrap_or_default();
        let bound = json!({ inside: [{ "HostIp": "127.0.0.1", "HostPort": container.port.to_string() }] });
        let ports = if container.is_running { bound } else { json!({}) };
        let state = json!({ "Running": container.is_running, "ExitCode": i32::from(!container.is_running) });
        json(StatusCode::OK, &json!({ "Id": name, "State": state, "NetworkSettings": { "Ports": ports } }))
    }

    fn logs(&self, name: &str) -> Answer {
        let containers = lock(&self.containers);
        let spec = &containers.get(name).ok_or("no such container")?.spec;
        let password = server::environment(spec, "POSTGRES_PASSWORD").unwrap_or_default();
        let line = format!("the password is {password}\n{LAST_LOG_LINE}\n");
        // The engine frames log lines: the number of the stream, then the length of the line.
        let mut frame = vec![2, 0, 0, 0];
        frame.extend(u32::try_from(line.len())?.to_be_bytes());
        frame.extend(line.as_bytes());
        Ok(Body::from(frame).into_response())
    }

    async fn remove(&self, name: &str) -> Answer {
        let Some(mut container) = lock(&self.containers).remove(name) else {
            return Ok(refusal(StatusCode::NOT_FOUND, &format!("No such container: {name}")));
        };
        if let [connections, ..] = container.tasks.as_slice() {
            connections.abort();
        }
        for task in container.tasks.drain(..) {
            let _ = task.await;
        }
        if let Some(server) = container.server.lock().await.take() {
            server.remove().await?;
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

/// Forwards connections to the server, and closes them while the server is not running.
async fn forward(listener: TcpListener, socket: PathBuf) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((mut outside, _)) = listener.accept().await {
        let socket = socket.clone();
        connections.spawn(async move {
            if let Ok(mut inside) = UnixStream::connect(socket).await {
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            }
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
