//! The management API of RabbitMQ, with which itest makes, inspects and removes virtual hosts.

use std::fmt;
use std::pin::{Pin, pin};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use itest_runtime::Error;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::failure::{failed_to, with_action};
use crate::service::{Login, RefusedLogin, ServerAddress};

/// How long the server may take to answer. It needs a second for a virtual host with many queues. The limit is shorter than that of a teardown step, so that the
/// error of the test says that the server does not answer.
const TIMEOUT: Duration = Duration::from_secs(8);

/// The management API of a server.
#[derive(Debug)]
pub(super) struct Management {
    address: ServerAddress,
    connection: Option<Connection>,
}

impl Management {
    pub(super) fn new(address: ServerAddress) -> Self {
        Self { address, connection: None }
    }

    /// Host and port.
    pub(super) fn place(&self) -> String {
        self.address.place()
    }

    /// Reads what is at a path.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or refuses the request.
    pub(super) async fn get(&mut self, path: &str) -> Result<Value, Error> {
        match self.find(path).await? {
            Some(value) => Ok(value),
            None => Err(with_action(&format!("read {path} from the management API"), "there is no such thing")),
        }
    }

    /// Reads what is at a path, if there is something.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or refuses the request.
    pub(super) async fn find(&mut self, path: &str) -> Result<Option<Value>, Error> {
        self.request(Method::GET, path, None).await
    }

    /// Makes or changes what is at a path.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or refuses the request.
    pub(super) async fn put(&mut self, path: &str, body: &Value) -> Result<(), Error> {
        self.request(Method::PUT, path, Some(body)).await.map(drop)
    }

    /// Asks for an action, and returns the answer.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or refuses the request.
    pub(super) async fn post(&mut self, path: &str, body: &Value) -> Result<Option<Value>, Error> {
        self.request(Method::POST, path, Some(body)).await
    }

    /// Removes what is at a path. It is no error if there is nothing.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or refuses the request.
    pub(super) async fn delete(&mut self, path: &str) -> Result<(), Error> {
        self.request(Method::DELETE, path, None).await.map(drop)
    }

    /// The resources that the server lacks, `disk space` or `memory`, so that it accepts no messages. A server that is too old for the request has none.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or refuses the request.
    pub(super) async fn alarms(&mut self) -> Result<Vec<String>, Error> {
        let path = "/health/checks/alarms";
        let (status, body) = self.exchange(Method::GET, path, None).await?;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
            let alarms = answer["alarms"].as_array().into_iter().flatten();
            return Ok(alarms.filter_map(|alarm| alarm["resource"].as_str().map(str::to_owned)).collect());
        }
        answer_of(status, &body).map(|_| Vec::new()).map_err(|error| self.failed_to(&Method::GET, path, &error))
    }

    async fn request(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Option<Value>, Error> {
        let (status, answer) = self.exchange(method.clone(), path, body).await?;
        answer_of(status, &answer).map_err(|error| self.failed_to(&method, path, &error))
    }

    fn failed_to(&self, method: &Method, path: &str, error: &Error) -> Error {
        let action = format!("{method} {path} at the management API of RabbitMQ, {}", self.address.place());
        with_action(&action, &error.to_string())
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Bytes), Error> {
        let requesting = async {
            // The server closes a connection after some time or a number of requests. Every request may be sent twice.
            if let Some(mut idle) = self.connection.take()
                && let Ok(answer) = idle.exchange(self.http_request(&method, path, body)?).await
            {
                self.connection = Some(idle);
                return Ok(answer);
            }
            let mut connection = Connection::open(&self.address).await?;
            let answer = connection.exchange(self.http_request(&method, path, body)?).await?;
            self.connection = Some(connection);
            Ok(answer)
        };
        let answer = tokio::time::timeout(TIMEOUT, requesting).await;
        let answer = answer.unwrap_or_else(|_| Err(Error::new(format!("no answer within {TIMEOUT:?}"))));
        answer.map_err(|error| self.failed_to(&method, path, &error))
    }

    fn http_request(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Request<Full<Bytes>>, Error> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api{path}"))
            .header("host", self.address.place())
            .header("content-type", "application/json");
        if let Some(Login { user, password }) = &self.address.login {
            let credentials = format!("{user}:{}", password.as_deref().unwrap_or_default());
            request =
                request.header("authorization", format!("Basic {}", Base64::encode_string(credentials.as_bytes())));
        }
        request.body(Full::from(body)).map_err(|error| failed_to("write the request", &error))
    }
}

/// What reads from and writes to a connection while it is polled.
type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// A connection, which makes progress only during an exchange: a task of its own would look like a leak of the test that has opened the connection.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// `None` after the end of the connection.
    driver: Option<Pin<Box<Driver>>>,
}

impl Connection {
    async fn open(address: &ServerAddress) -> Result<Self, Error> {
        let stream = TcpStream::connect(address.resolve().await?).await.map_err(|error| {
            Error::new(format!("{error}; is the plugin rabbitmq_management enabled, and does it listen there?"))
        })?;
        let _ = stream.set_nodelay(true);
        let connected = http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = connected.map_err(|error| failed_to("open the connection", &error))?;
        Ok(Self { sender, driver: Some(Box::pin(driver)) })
    }

    /// Sends a request, and returns the status and the body of the answer.
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Error> {
        let Some(mut driver) = self.driver.take() else {
            return Err(Error::new("the server has closed the connection"));
        };
        let sender = &mut self.sender;
        let exchange = async {
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        let mut exchange = pin!(exchange);
        let answer: hyper::Result<_> = tokio::select! {
            biased;
            answer = &mut exchange => {
                self.driver = Some(driver);
                answer
            }
            _ = &mut driver => {
                // Without its driver, an exchange that has no answer yet ends with an error.
                drop(driver);
                exchange.await
            }
        };
        answer.map_err(|error| failed_to("exchange it over HTTP", &error))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connection")
    }
}

fn answer_of(status: StatusCode, body: &[u8]) -> Result<Option<Value>, Error> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    match status {
        StatusCode::NOT_FOUND => Ok(None),
        _ if status.is_success() => Ok(Some(json.unwrap_or_default())),
        StatusCode::UNAUTHORIZED => {
            let message = "the server refuses the user or the password, or the user has not the tag administrator";
            Err(RefusedLogin::error(message.to_owned()))
        }
        _ => {
            let reason = json.as_ref().and_then(|json| json["reason"].as_str()).unwrap_or("no reason");
            Err(Error::new(format!("the server answers {status}: {reason}")))
        }
    }
}

/// A name as a segment of a path.
pub(super) fn segment(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// The server closes a connection after an answer that announces the end, or silently.
    #[tokio::test]
    async fn request_after_the_end_of_a_connection_is_sent_on_a_new_one() {
        for announcement in ["connection: close\r\n", ""] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let server = tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let _ = stream.read(&mut [0; 1024]).await;
                    let answer = format!("HTTP/1.1 200 OK\r\n{announcement}content-length: 1\r\n\r\n7");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
            let mut management = Management::new(ServerAddress::parse(&url, &["http://"], 1).unwrap());
            for _ in 0..3 {
                let answer = tokio::time::timeout(Duration::from_secs(5), management.get("/overview")).await;
                assert_eq!(answer.unwrap().unwrap(), 7, "{announcement:?}");
            }
            server.abort();
        }
    }
}
