//! After every generated history, the next test gets a broker like a new one: 200 histories.

use std::time::Duration;

use itest::TestInfo;
use itest::prelude::*;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use rumqttc::{AsyncClient, Event, Incoming, LastWill, QoS};

use crate::bus::{Device, options};
use crate::reuse::assert_servers_were_reused;
use crate::workers::{note_worker, run_histories};

/// The names of clients, which all histories use.
const CLIENTS: [&str; 3] = ["one", "two", "three"];

/// The topics, which all histories use.
const TOPICS: [&str; 3] = ["a", "a/b", "c"];

/// What a client does.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice that is drawn by itself")]
struct Action {
    client: usize,
    topic: usize,
    quality: QoS,
    is_retained: bool,
    is_clean: bool,
    has_will: bool,
    subscribes: bool,
    /// Whether the client is connected until the test is torn down.
    stays: bool,
}

fn history() -> impl Strategy<Value = Vec<Action>> {
    let quality = prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let action = (0..CLIENTS.len(), 0..TOPICS.len(), quality, flags).prop_map(
        |(client, topic, quality, (is_retained, is_clean, has_will, subscribes, stays))| Action {
            client,
            topic,
            quality,
            is_retained,
            is_clean,
            has_will,
            subscribes,
            stays,
        },
    );
    // In most histories, no client leaves a message or a session, because the broker is replaced after the others.
    let leaves = (0..4_u8, 0..4_u8).prop_map(|(retained, session)| (retained == 0, session == 0));
    (proptest::collection::vec(action, 1..6), leaves).prop_map(|(mut actions, (leaves_retained, leaves_session))| {
        for action in &mut actions {
            action.is_retained &= leaves_retained;
            action.is_clean |= !leaves_session;
        }
        actions
    })
}

async fn run(action: &Action, events: &Mqtt) {
    let topic = TOPICS[action.topic];
    let mut options = options(events, CLIENTS[action.client]);
    options.set_clean_session(action.is_clean);
    if action.has_will {
        options.set_last_will(LastWill::new(topic, "gone", action.quality, action.is_retained));
    }
    let device = Device::with(options);
    if action.subscribes {
        let _ = device.client.subscribe("#", action.quality).await;
    }
    let _ = device.client.publish(topic, action.quality, action.is_retained, "1").await;
    // Two clients with the same name that both stay disconnect each other, so the message may be missing.
    let _ = events.expect(topic).within(Duration::from_millis(100)).await;
    if action.stays {
        std::mem::forget(device);
    }
}

/// The session of the clients with which a test examines the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    /// The session ends with the connection, so the client leaves nothing on the broker.
    New,
    /// The client continues the session that the broker has, and leaves one.
    Existing,
}

/// What the clients of a test see of the broker: its retained messages, and which clients have sessions.
async fn seen(events: &Mqtt, session: Session) -> Result<Vec<String>> {
    let mut seen = Vec::new();
    for name in CLIENTS {
        let mut options = options(events, name);
        options.set_clean_session(session == Session::New);
        let (client, mut connection) = AsyncClient::new(options, 10);
        client.subscribe("#", QoS::AtMostOnce).await?;
        loop {
            match connection.poll().await? {
                Event::Incoming(Incoming::ConnAck(connected)) if connected.session_present => {
                    seen.push(format!("a session of {name}"));
                }
                Event::Incoming(Incoming::SubAck(_)) => client.publish("end", QoS::AtMostOnce, false, "").await?,
                Event::Incoming(Incoming::Publish(message)) if message.topic == "end" => break,
                Event::Incoming(Incoming::Publish(message)) => seen.push(format!("{name} gets {}", message.topic)),
                _ => {}
            }
        }
    }
    Ok(seen)
}

#[integration_test(tags("histories"))]
async fn nested_history(
    #[values(0, 1)] hundreds: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] tens: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] ones: u64,
    events: &Mqtt,
    info: &TestInfo,
) -> Result<()> {
    note_worker()?;
    let number = 100 * hundreds + 10 * tens + ones;
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&info.seed().0.to_le_bytes());
    seed[8..16].copy_from_slice(&number.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), random);
    let history = history().new_tree(&mut runner).map_err(|error| error.to_string())?.current();
    // Only some tests examine the sessions, because this leaves sessions, after which the broker is replaced.
    let session = if number.is_multiple_of(4) { Session::Existing } else { Session::New };
    assert_eq!(seen(events, session).await?, [""; 0]);
    for action in &history {
        run(action, events).await;
    }
    events.lenient();
    Ok(())
}

#[integration_test(timeout = "5m")]
async fn broker_is_clean_after_any_history(dir: &TempDir) -> Result<()> {
    let run = run_histories("histories::nested_history", &[("ITEST_MQTT", "programs")], dir).await?;
    run.assert_green().assert_contains("200 passed");
    assert_servers_were_reused(&run, 50)
}
