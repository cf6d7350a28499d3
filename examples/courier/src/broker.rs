//! RabbitMQ: exchanges and queues, publishing with confirmations, and consuming with acknowledgements.

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Error, ExchangeKind};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::background::StopSignal;
use crate::defect::Defect;
use crate::event::Envelope;
use crate::program::log;

/// The exchange of all events.
pub const EXCHANGE: &str = "courier";
/// The queue of dispatch: paid orders.
pub const PAID_ORDERS: &str = "dispatch.paid-orders";
/// The queue of orders: the progress of deliveries.
pub const DELIVERIES: &str = "orders.deliveries";
/// The queue of the events that no service can handle.
pub const DEAD_LETTERS: &str = "courier.dead";

/// The number of events that a consumer may have without having acknowledged them.
const PREFETCH: u16 = 10;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long handling an event may take.
const HANDLING_TIMEOUT: Duration = Duration::from_secs(3);

/// The port of a broker whose URL names none.
const DEFAULT_PORT: u16 = 5672;

/// Persistent messages survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// The reason why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlingError {
    /// It can never be handled. It becomes a dead letter.
    #[error("{0}")]
    Permanent(String),
    /// Another attempt may succeed.
    #[error("{0}")]
    Temporary(#[from] sqlx::Error),
}

/// What a service does with an event.
pub(crate) trait Handler: Send + Sync + 'static {
    fn handle(&self, envelope: Envelope) -> impl Future<Output = Result<(), HandlingError>> + Send;
}

/// Declares the exchanges and queues of both services. The service that starts first declares them, so that no event is lost before the other one
/// starts.
///
/// # Errors
///
/// When the broker cannot be reached, or has a queue of the same name with other arguments.
pub async fn declare(url: &str) -> Result<(), Error> {
    declare_with(url, None).await
}

pub(crate) async fn declare_with(url: &str, defect: Option<Defect>) -> Result<(), Error> {
    let connection = connect(url).await?;
    // The channel lives until the connection is closed: dropping it would close it at the same time.
    let channel = connection.create_channel().await?;
    let declared = declare_on(&channel, defect).await;
    connection.close(200, "declared".into()).await?;
    declared
}

async fn declare_on(channel: &Channel, defect: Option<Defect>) -> Result<(), Error> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    declare_queue(channel, DEAD_LETTERS, FieldTable::default()).await?;
    for (queue, topics) in [(PAID_ORDERS, "order.paid"), (DELIVERIES, "delivery.*")] {
        let mut arguments = FieldTable::default();
        arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString("".into()));
        arguments.insert("x-dead-letter-routing-key".into(), AMQPValue::LongString(DEAD_LETTERS.into()));
        if defect == Some(Defect::OtherQueueArguments) {
            arguments.insert("x-max-length".into(), AMQPValue::LongInt(1000));
        }
        declare_queue(channel, queue, arguments).await?;
        let options = QueueBindOptions::default();
        channel.queue_bind(queue.into(), EXCHANGE.into(), topics.into(), options, FieldTable::default()).await?;
    }
    Ok(())
}

async fn declare_queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), Error> {
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), durable, arguments).await?;
    Ok(())
}

/// Connects to the broker. The port is tried first, because an attempt of lapin that is refused leaves two tasks behind for ever. So does an
/// attempt that is cancelled, so a service that stops waits for it.
async fn connect(url: &str) -> Result<Connection, Error> {
    let parsed = Url::parse(url).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let address = (parsed.host_str().unwrap_or("127.0.0.1"), parsed.port().unwrap_or(DEFAULT_PORT));
    drop(TcpStream::connect(address).await?);
    let connecting = Connection::connect(url, ConnectionProperties::default());
    timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// A connection that publishes events.
pub(crate) struct Publisher {
    connection: Connection,
    channel: Channel,
}

impl Publisher {
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        let connection = connect(url).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { connection, channel })
    }

    /// Publishes an event, and waits for the answer of the broker.
    pub(crate) async fn publish(&self, topic: &str, id: &str, body: &str) -> Result<Confirmation, Error> {
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT)
            .with_message_id(id.into());
        let options = BasicPublishOptions::default();
        let published =
            self.channel.basic_publish(EXCHANGE.into(), topic.into(), options, body.as_bytes(), properties).await?;
        published.await
    }

    pub(crate) async fn close(self) {
        // An error means that the connection is lost already.
        let _ = self.connection.close(200, "stopped".into()).await;
    }
}

/// Where a consumer gets its events.
pub(crate) struct Subscription {
    pub(crate) url: String,
    pub(crate) queue: &'static str,
    /// How long to wait before the next attempt after an error.
    pub(crate) pause: Duration,
    pub(crate) defect: Option<Defect>,
}

/// Handles the events of a queue one after another until the service stops. It connects again when it loses the connection.
pub(crate) async fn consume(subscription: Subscription, handler: impl Handler, mut stop: StopSignal) {
    loop {
        if let Err(error) = consume_once(&subscription, &handler, &mut stop).await {
            log(format_args!("no events from {}: {error}", subscription.queue));
        }
        if stop.unless_stopped(sleep(subscription.pause)).await.is_none() {
            return;
        }
    }
}

/// Handles the events that come over one connection.
async fn consume_once(subscription: &Subscription, handler: &impl Handler, stop: &mut StopSignal) -> Result<(), Error> {
    let connection = connect(&subscription.url).await?;
    let channel = connection.create_channel().await?;
    let consumed = consume_on(&channel, subscription, handler, stop).await;
    // An error means that the connection is lost already.
    let _ = connection.close(200, "stopped".into()).await;
    consumed
}

async fn consume_on(
    channel: &Channel,
    subscription: &Subscription,
    handler: &impl Handler,
    stop: &mut StopSignal,
) -> Result<(), Error> {
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut events = channel.basic_consume(subscription.queue.into(), "".into(), options, arguments).await?;
    while let Some(Some(delivery)) = stop.unless_stopped(events.next()).await {
        handle(delivery?, subscription, handler).await?;
    }
    Ok(())
}

/// Handles an event, and acknowledges it afterwards: an event whose handling was interrupted is delivered again.
async fn handle(delivery: Delivery, subscription: &Subscription, handler: &impl Handler) -> Result<(), Error> {
    let is_acknowledged = subscription.defect == Some(Defect::AcknowledgedTooEarly);
    if is_acknowledged {
        delivery.ack(BasicAckOptions::default()).await?;
    }
    let requeue = match attempt(&delivery.data, handler).await {
        Ok(()) => {
            if !is_acknowledged {
                delivery.ack(BasicAckOptions::default()).await?;
            }
            return Ok(());
        }
        Err(HandlingError::Permanent(reason)) => {
            log(format_args!("an event of {} is a dead letter: {reason}", subscription.queue));
            subscription.defect == Some(Defect::PoisonIsRequeued)
        }
        Err(HandlingError::Temporary(error)) => {
            log(format_args!("an event of {} is handled later: {error}", subscription.queue));
            true
        }
    };
    if requeue {
        sleep(subscription.pause).await;
    }
    if !is_acknowledged {
        delivery.nack(BasicNackOptions { requeue, ..BasicNackOptions::default() }).await?;
    }
    Ok(())
}

async fn attempt(body: &[u8], handler: &impl Handler) -> Result<(), HandlingError> {
    let envelope =
        serde_json::from_slice(body).map_err(|error| HandlingError::Permanent(format!("no event: {error}")))?;
    let outcome = timeout(HANDLING_TIMEOUT, handler.handle(envelope)).await;
    outcome.unwrap_or(Err(HandlingError::Temporary(sqlx::Error::PoolTimedOut)))
}
