//! The server in process: it verifies signatures, records each exchange, and passes the request on to the imitation.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Collected};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use itest_runtime::{Error, Teardown};
use quick_xml::escape::escape;
use s3s::auth::{S3Auth, SecretKey};
use s3s::host::SingleDomain;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Error, S3Result, s3_error};
use tower_service::Service;

use super::answer::refusal_of;
use super::body::refuse_too_large;
use super::imitation::Imitation;
use super::recorder::{PendingExchange, Recorder, unfinished_uploads};
use super::request_body::RequestBody;
use crate::failure::failed_to;
use crate::sigv4::Credentials;
use crate::wire::{Endpoint, EndpointOptions, Hooks, Protocols, Security, Stopping};

/// Starts a server on a free port, which stops in the teardown of the test.
///
/// # Errors
///
/// When no port can be bound.
pub(super) async fn start(
    s3: &Imitation,
    credentials: &Credentials,
    recorder: &Arc<Recorder>,
    teardown: &Teardown,
) -> Result<SocketAddr, Error> {
    let endpoint = Endpoint::bind().await?;
    let address = endpoint.address();
    let mut builder = S3ServiceBuilder::new(s3.clone());
    builder.set_auth(CredentialsOfTest(credentials.clone()));
    // With an address instead of a name, a request always has the bucket in its path.
    let domain = SingleDomain::new(&format!("localhost:{}", address.port()));
    builder.set_host(domain.map_err(|error| failed_to("use the name of this machine", &error))?);
    let service = RecordedService { service: builder.build(), recorder: Arc::clone(recorder), port: address.port() };
    let (s3, recorder) = (s3.clone(), Arc::clone(recorder));
    let before_stop = Box::new(move |outcome| recorder.check_uploads(outcome, &unfinished_uploads(&s3)));
    let hooks = Hooks { before_stop, ..Hooks::none() };
    let options = EndpointOptions {
        protocols: Protocols::Http1,
        security: Security::Plain,
        stopping: Stopping::Immediate,
        hooks,
    };
    endpoint.serve(service, teardown, options);
    Ok(address)
}

/// The only credentials that the server accepts.
#[derive(Debug)]
struct CredentialsOfTest(Credentials);

#[async_trait]
impl S3Auth for CredentialsOfTest {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.0.access_key {
            return Ok(SecretKey::from(self.0.secret_key.as_str()));
        }
        Err(s3_error!(InvalidAccessKeyId, "the access key {access_key} is not the one of this test"))
    }
}

/// A service whose exchanges are recorded.
#[derive(Debug, Clone)]
struct RecordedService {
    service: S3Service,
    recorder: Arc<Recorder>,
    port: u16,
}

impl Service<Request<Incoming>> for RecordedService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let Self { service, recorder, port } = self.clone();
        Box::pin(async move {
            let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
            let mut pending = recorder.begin(request.method().as_str(), target, port);
            if is_signed_inside(request.headers()) {
                pending.hide_request();
            }
            let response = match refuse_declared_length(request.headers()) {
                Ok(()) => serve(&service, request, &pending).await,
                Err(refusal) => closing(error_response(&refusal)),
            };
            Ok(record(response, &mut pending).await)
        })
    }
}

async fn serve(service: &S3Service, request: Request<Incoming>, pending: &PendingExchange) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let (body, unread) = RequestBody::new(body, Arc::clone(&pending.request));
    let answered = service.call(Request::from_parts(parts, Body::http_body_unsync(body))).await;
    let response = answered.unwrap_or_else(|error| {
        let error = s3s::StdError::from(error);
        error_response(&s3_error!(InternalError, "the request cannot be answered: {error}"))
    });
    if unread.read().await { response } else { closing(response) }
}

/// A response that tells the client not to use the connection again, because the server closes it.
fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Refuses a request by the length that it declares, so that its body is not even read.
fn refuse_declared_length(headers: &HeaderMap) -> Result<(), S3Error> {
    for name in [CONTENT_LENGTH.as_str(), "x-amz-decoded-content-length"] {
        let length = header(headers, name).and_then(|length| length.parse().ok());
        length.map_or(Ok(()), refuse_too_large)?;
    }
    Ok(())
}

/// Whether the body contains signatures: those of chunks, or those of a form.
fn is_signed_inside(headers: &HeaderMap) -> bool {
    header(headers, "x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"))
        || header(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("multipart/form-data"))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn error_response(error: &S3Error) -> Response<Body> {
    let (code, message) = (error.code().as_str(), escape(error.message().unwrap_or_default()));
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Completes the exchange with the response, whose body is in memory.
async fn record(response: Response<Body>, pending: &mut PendingExchange) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let status = parts.status;
    let refusal = (status.is_client_error() || status.is_server_error()).then(|| refusal_of(&bytes));
    pending.answered(status.as_u16(), &bytes, refusal);
    Response::from_parts(parts, Body::from(bytes))
}
