//! Responses that are read as they arrive.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::StreamExt as _;
use futures_util::stream;
use itest::prelude::*;
use itest::{Client, Server};
use serde_json::json;

struct Streams(Client);

#[fixture]
async fn streams(teardown: &Teardown) -> Result<Streams> {
    let events = || {
        let event = |number: u32| {
            let event = Event::default().id(number.to_string()).event("tick");
            Ok::<_, Infallible>(event.json_data(json!({"number": number})).unwrap())
        };
        stream::iter((1..=3).map(event))
    };
    let chunks = || Body::from_stream(stream::iter(["one", "two"].map(Ok::<_, Infallible>)));
    let app = Router::new()
        .route("/events", get(async move || Sse::new(events())))
        .route("/forever", get(async move || Sse::new(events().chain(stream::pending()))))
        .route("/chunks", get(async move || chunks()));
    Ok(Streams(Server::start(app, teardown).await?.client()))
}

#[integration_test]
async fn server_sent_events_are_read_one_by_one(Streams(client): &Streams) -> Result<()> {
    let mut stream = client.get("/events").stream().await?;
    stream.head().assert_status(200).assert_content_type("text/event-stream");
    for number in 1..=3 {
        let event = stream.next_event().await?.expect("an event");
        assert_eq!((&*event.id, &*event.event), (&*number.to_string(), "tick"));
        assert_eq!(event.json::<serde_json::Value>()?, json!({"number": number}));
    }
    assert_eq!(stream.next_event().await?, None);
    Ok(())
}

/// The stream goes on, and ends when the test drops it.
#[integration_test]
async fn stream_without_a_new_event_ends_at_its_time_limit(Streams(client): &Streams) -> Result<()> {
    let mut stream = client.get("/forever").timeout(Duration::from_millis(50)).stream().await?;
    for _ in 0..3 {
        assert!(stream.next_event().await?.is_some());
    }
    let (error, line) = (stream.next_event().await.unwrap_err(), line!());
    assert!(error.to_string().contains("/forever: nothing arrived within 50ms"), "{error}");
    assert!(format!("{error:?}").contains(&format!("streams.rs:{line}:")), "{error:?}");
    Ok(())
}

#[integration_test]
async fn chunks_are_read_until_the_end(Streams(client): &Streams) -> Result<()> {
    let mut stream = client.get("/chunks").stream().await?;
    let mut body = Vec::new();
    while let Some(chunk) = stream.next_chunk().await? {
        body.extend(chunk);
    }
    assert_eq!(body, b"onetwo");
    Ok(())
}
