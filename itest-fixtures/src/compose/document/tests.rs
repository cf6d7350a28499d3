//! What a rewritten compose file contains.

use serde_json::{Value, json};

use super::*;

/// What version 1 of the client writes.
const YAML: &str = r"
networks:
  back:
    name: shop-back
  team:
    external: true
    name: team
services:
  api:
    build:
      context: /shop
    image: shop
    depends_on:
      db:
        condition: service_healthy
    ports:
    - 127.0.0.1:8080:80/tcp
    - published: 53
      protocol: udp
      target: 53
  db:
    container_name: shop-db
    environment:
      TIME: '22:22'
    image: postgres:17
    volumes:
    - data:/data:rw
  tool:
    image: shop
    network_mode: service:api
    profiles:
    - tools
version: '3.9'
volumes:
  data:
    name: shop-data
  mine:
    external: true
";

fn document(text: &str) -> Document {
    Document::parse(text, "compose.yaml").unwrap()
}

fn rewritten(options: &StackOptions) -> Value {
    let mut document = document(YAML);
    document.select(options).unwrap();
    document.isolate("itest-1", Some("127.0.0.1"), &options.ports).unwrap();
    serde_json::from_str(&document.to_text().unwrap()).unwrap()
}

#[test]
fn ports_are_published_on_free_ports_of_the_address() {
    let options = StackOptions::default().port("db", 5432).port("api", 81);
    let file = rewritten(&options);
    assert_eq!(
        file["services"]["api"]["ports"],
        json!(["127.0.0.1::53/udp", "127.0.0.1::80/tcp", "127.0.0.1::81/tcp"])
    );
    assert_eq!(file["services"]["db"]["ports"], json!(["127.0.0.1::5432/tcp"]));
}

#[test]
fn names_are_those_of_the_project_and_external_resources_stay() {
    let file = rewritten(&StackOptions::default());
    assert_eq!(file["volumes"]["data"], json!({"name": "itest-1_data", "labels": {"itest": "compose"}}));
    assert_eq!(file["volumes"]["mine"], json!({"external": true}));
    assert_eq!(file["networks"]["back"]["name"], "itest-1_back");
    assert_eq!(file["networks"]["team"], json!({"external": true, "name": "team"}));
    let db = &file["services"]["db"];
    assert_eq!((&db["container_name"], &db["networks"]), (&Value::Null, &json!({"default": {"aliases": ["shop-db"]}})));
    assert_eq!(db["environment"]["TIME"], "22:22");
}

#[test]
fn built_image_belongs_to_the_project_also_for_the_services_that_use_it() {
    let mut document = document(YAML);
    document.select(&StackOptions::default().profile("tools")).unwrap();
    document.isolate("itest-1", None, &[]).unwrap();
    let file: Value = serde_json::from_str(&document.to_text().unwrap()).unwrap();
    assert_eq!(file["services"]["api"]["image"], "itest-1-api");
    assert_eq!(file["services"]["tool"]["image"], "itest-1-api");
    assert_eq!(file["services"]["tool"]["profiles"], Value::Null);
    assert_eq!(file["services"]["api"]["ports"], json!(["53/udp", "80/tcp"]));
    assert_eq!(document.images().into_iter().collect::<Vec<_>>(), [("db", "postgres:17")]);
    assert!(document.has_builds());
}

#[test]
fn services_of_other_profiles_are_not_started() {
    let file = rewritten(&StackOptions::default());
    assert_eq!(file["services"].as_object().unwrap().keys().collect::<Vec<_>>(), ["api", "db"]);
}

#[test]
fn requested_service_is_started_with_those_that_it_depends_on() {
    let started = |service: &str| {
        let file = rewritten(&StackOptions::default().profile("tools").service(service));
        file["services"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(started("db"), ["db"]);
    assert_eq!(started("tool"), ["api", "db", "tool"]);
}

#[test]
fn missing_service_is_reported_with_the_existing_ones() {
    let error = document(YAML).select(&StackOptions::default().service("web")).unwrap_err();
    assert_eq!(error.to_string(), "compose.yaml has no service `web`; it has: api, db");
    let error = document(YAML).select(&StackOptions::default().port("web", 80)).unwrap_err();
    assert_eq!(error.to_string(), "compose.yaml has no service `web`; it has: api, db");
}

#[test]
fn one_shot_is_a_service_that_another_one_needs_to_have_ended() {
    let text = r#"{"services": {"a": {"depends_on": {"b": {"condition": "service_completed_successfully"}, "c": {"condition": "service_started"}}}}}"#;
    assert_eq!(document(text).one_shots().into_iter().collect::<Vec<_>>(), ["b"]);
    assert!(document(YAML).one_shots().is_empty());
}

#[test]
fn network_of_the_machine_is_refused() {
    let mut document = document(r#"{"services": {"api": {"image": "a", "network_mode": "host"}}}"#);
    let error = document.isolate("itest-1", None, &[]).unwrap_err().to_string();
    assert!(error.contains("`api`") && error.contains("network_mode: host"), "{error}");
}

#[test]
fn text_that_is_no_mapping_is_refused() {
    let error = Document::parse("- a", "compose.yaml").unwrap_err().to_string();
    assert!(error.ends_with("it is no mapping"), "{error}");
}
