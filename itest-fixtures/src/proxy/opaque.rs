//! Connections whose bytes a proxy does not understand.

use itest_runtime::ConnectionFault;
use tokio::net::TcpStream;

use super::tunnel::{End, Pace, Stream, copy};

/// The bytes that passed a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) to_service: u64,
    pub(super) from_service: u64,
}

/// Connects both sides until one of them fails, or both have closed the connection.
pub(super) async fn tunnel(
    client: &mut TcpStream,
    service: Box<dyn Stream>,
    fault: Option<ConnectionFault>,
    passed: &mut Passed,
) -> End {
    let (client_reads, client_writes) = client.split();
    let (service_reads, service_writes) = tokio::io::split(service);
    let (to_service, from_service) = paces(fault);
    let up = copy(client_reads, service_writes, to_service, &mut passed.to_service);
    let down = copy(service_reads, client_writes, from_service, &mut passed.from_service);
    let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
    let first = tokio::select! {
        ended = &mut up => ended,
        ended = &mut down => match ended {
            // What the client still sends is of no use to a service that has closed the connection.
            Ok(end) => return end,
            Err(_) => return End::Reset,
        },
    };
    match first {
        Ok(End::Closed) => down.await.unwrap_or(End::Reset),
        Ok(end) => end,
        Err(_) => End::Reset,
    }
}

/// How fast the bytes pass: to the service and from it.
fn paces(fault: Option<ConnectionFault>) -> (Pace, Pace) {
    let pace = Pace::default();
    match fault {
        Some(ConnectionFault::Slow(delay)) => (pace, Pace { delay, ..pace }),
        Some(ConnectionFault::Throttled(bytes)) => {
            let pace = Pace { bytes_per_second: Some(bytes), ..pace };
            (pace, pace)
        }
        Some(ConnectionFault::Cut(bytes)) => (pace, Pace { bytes_left: Some(bytes), ..pace }),
        _ => (pace, pace),
    }
}
