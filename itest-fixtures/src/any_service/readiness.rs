//! The conditions under which a service is ready.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use itest_runtime::Error;

/// The condition under which a service is ready. It is checked again and again while the service starts.
#[derive(Clone)]
pub struct Readiness(pub(super) Condition);

/// What is checked.
#[derive(Clone)]
pub(super) enum Condition {
    Port,
    Http { path: String },
    LogLine { text: String },
    Command { words: Vec<String> },
    HealthCheck,
    Probe(Arc<Probe>),
}

/// A function that checks whether the service at a URL is ready.
type Probe = dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> + Send + Sync;

impl Readiness {
    /// The service accepts connections.
    #[must_use]
    pub fn port() -> Self {
        Self(Condition::Port)
    }

    /// The service answers `GET path` with a status of 2xx, over HTTP/1.1 without TLS.
    #[must_use]
    pub fn http(path: impl Into<String>) -> Self {
        Self(Condition::Http { path: path.into() })
    }

    /// The service has written a line that contains this text. At a URL, it only has to accept connections.
    #[must_use]
    pub fn log_line(text: impl Into<String>) -> Self {
        Self(Condition::LogLine { text: text.into() })
    }

    /// This command exits with code 0: in the container, or on this machine. In its words, `{host}`, `{port}` and `{password}` stand for the
    /// parts of the URL, as the command sees the service.
    #[must_use]
    pub fn command<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self(Condition::Command { words: words.into_iter().map(Into::into).collect() })
    }

    /// The health check of the image succeeds. Outside of a container, the service only has to accept connections.
    #[must_use]
    pub fn health_check() -> Self {
        Self(Condition::HealthCheck)
    }

    /// This function, which gets the URL, returns `Ok`.
    #[must_use]
    pub fn probe<P, F>(probe: P) -> Self
    where
        P: Fn(String) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        Self(Condition::Probe(Arc::new(move |url| Box::pin(probe(url)))))
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Condition::Port => "Readiness::port",
            Condition::Http { .. } => "Readiness::http",
            Condition::LogLine { .. } => "Readiness::log_line",
            Condition::Command { .. } => "Readiness::command",
            Condition::HealthCheck => "Readiness::health_check",
            Condition::Probe(_) => "Readiness::probe",
        })
    }
}
