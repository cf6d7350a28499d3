//! A connection to a broker.

use std::time::Duration;

use itest_runtime::__private::timeout;
use itest_runtime::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::api_key::ApiKey;
use super::code::ErrorCode;
use super::endpoint::Endpoint;
use super::fields::{Request, Response};
use crate::failure::with_action;
use crate::service::Login;

/// How long a broker may take to accept a connection, and to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The name of itest's client in the log of a broker.
const CLIENT_ID: &str = "itest";

/// The most bytes of a response, so that bytes of another protocol are not read as a length.
const MAX_RESPONSE_BYTES: usize = 256 << 20;

/// A connection to a broker, on which one request at a time waits for its response.
#[derive(Debug)]
pub(super) struct Connection {
    endpoint: Endpoint,
    stream: TcpStream,
    requests: i32,
    /// The requests that the broker supports.
    supported: Vec<SupportedApi>,
}

/// The versions of a request that a broker supports.
#[derive(Debug)]
struct SupportedApi {
    key: i16,
    min: i16,
    max: i16,
}

impl Connection {
    /// Connects, and waits until the broker has accepted the login.
    ///
    /// # Errors
    ///
    /// When no broker answers at the address, or it refuses the login.
    pub(super) async fn open(endpoint: &Endpoint, login: Option<&Login>) -> Result<Self, Error> {
        let opening = timeout(TIMEOUT, Self::connect(endpoint, login));
        let opened = opening.await.unwrap_or_else(|_| Err(no_answer()));
        opened.map_err(|error| with_action(&format!("connect to Kafka at {endpoint}"), &error.to_string()))
    }

    async fn connect(endpoint: &Endpoint, login: Option<&Login>) -> Result<Self, Error> {
        let remedy = |error| Error::new(format!("{error}; is the broker running, and does it listen there?"));
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await.map_err(remedy)?;
        let _ = stream.set_nodelay(true);
        let mut connection = Self { endpoint: endpoint.clone(), stream, requests: 0, supported: Vec::new() };
        let response = connection
            .exchange(ApiKey::ApiVersions, Request::default())
            .await
            .map_err(|error| Error::new(format!("{error}; does the broker speak Kafka there, and without TLS?")))?;
        connection.supported = supported(&response).ok_or("the server does not speak Kafka")?;
        if let Some(login) = login {
            connection.log_in(login).await?;
        }
        Ok(connection)
    }

    /// Logs in with SASL/PLAIN.
    async fn log_in(&mut self, login: &Login) -> Result<(), Error> {
        self.require(ApiKey::SaslHandshake)?;
        let response = self.exchange(ApiKey::SaslHandshake, Request::default().string("PLAIN")).await?;
        refused(Response::new(&response).i16()).map_err(|code| match code {
            ErrorCode::UNSUPPORTED_SASL_MECHANISM => {
                Error::new(format!("{code}, and itest supports no other SASL mechanism"))
            }
            other => Error::new(other.to_string()),
        })?;
        let plain = format!("\0{}\0{}", login.user, login.password.as_deref().unwrap_or_default());
        let request = Request::default().bytes(plain.as_bytes());
        let response = self.exchange(ApiKey::SaslAuthenticate, request).await.map_err(|error| {
            // Some brokers close the connection instead of an answer.
            Error::new(format!("{error}; check user and password in the URL"))
        })?;
        refused(Response::new(&response).i16())
            .map_err(|code| Error::new(format!("{code}; check user and password in the URL")))
    }

    /// The address of the broker.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the broker supports a request.
    pub(super) fn supports(&self, api: ApiKey) -> bool {
        let version = api.version();
        self.supported.iter().any(|known| known.key == api.key() && (known.min..=known.max).contains(&version))
    }

    fn require(&self, api: ApiKey) -> Result<(), Error> {
        if self.supports(api) {
            return Ok(());
        }
        let (endpoint, version) = (&self.endpoint, api.version());
        Err(Error::new(format!(
            "the broker at {endpoint} does not support the request {api} in version {version}; itest needs Kafka 2.0 or later, and \
             librdkafka's mock cluster does not have all requests"
        )))
    }

    /// Sends a request, and returns its response. The broker answers within `wait` and 5 seconds.
    ///
    /// # Errors
    ///
    /// When the broker does not support the request, or does not answer. The connection cannot be used any more then.
    pub(super) async fn request(&mut self, api: ApiKey, request: Request, wait: Duration) -> Result<Vec<u8>, Error> {
        self.require(api)?;
        let exchange = timeout(wait + TIMEOUT, self.exchange(api, request));
        let response = exchange.await.unwrap_or_else(|_| Err(no_answer()));
        response.map_err(|error| with_action(&format!("send {api} to Kafka at {}", self.endpoint), &error.to_string()))
    }

    async fn exchange(&mut self, api: ApiKey, request: Request) -> Result<Vec<u8>, Error> {
        self.requests = self.requests.wrapping_add(1);
        let head = Request::default().i16(api.key()).i16(api.version()).i32(self.requests).string(CLIENT_ID);
        let frame = Request::default().bytes(&[head.into_bytes(), request.into_bytes()].concat());
        self.stream.write_all(&frame.into_bytes()).await?;
        let length = self.stream.read_u32().await.map_err(|_| "the broker has closed the connection")?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(4..MAX_RESPONSE_BYTES).contains(&length) {
            return Err(Error::new("the server does not speak Kafka"));
        }
        let mut response = vec![0; length];
        self.stream.read_exact(&mut response).await.map_err(|_| "the broker has closed the connection")?;
        let number = response.drain(..4).fold(0, |number, byte| number << 8 | i32::from(byte));
        if number != self.requests {
            return Err(Error::new("the server does not speak Kafka: it answers another request"));
        }
        Ok(response)
    }
}

fn supported(response: &[u8]) -> Option<Vec<SupportedApi>> {
    let mut fields = Response::new(response);
    ErrorCode(fields.i16()?).check().ok()?;
    fields.array(|api| Some(SupportedApi { key: api.i16()?, min: api.i16()?, max: api.i16()? }))
}

/// The code of a refusal. A response without a code is none.
fn refused(code: Option<i16>) -> Result<(), ErrorCode> {
    ErrorCode(code.unwrap_or_default()).check()
}

fn no_answer() -> Error {
    Error::new(format!("the broker does not answer within {TIMEOUT:?}"))
}
