//! Contracts that are wrong.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use super::{Sent, contract_in, contract_of, leaked, payments};
use crate::contract::declaration::Contract;

/// A description with one operation and these schemas.
fn with_schemas(schemas: &str) -> String {
    format!(
        "openapi: 3.1.0\ninfo: {{ title: T, version: '1' }}\npaths:\n  /a:\n    post:\n      requestBody:\n        content:\n          \
         application/json:\n            schema: {{ $ref: '#/components/schemas/A' }}\n      responses: {{ '200': {{ description: ok }} }}\n\
         components:\n  schemas:\n{schemas}\n"
    )
}

/// What a check of the contract with this text says.
fn checked(text: &str) -> String {
    let (_folder, contract) = contract_of(text);
    contract.check().unwrap_err().to_string()
}

#[test]
fn contract_without_a_mistake_passes_its_check() {
    payments().check().unwrap();
    payments().check_examples().unwrap();
}

#[test]
fn wrong_contract_is_refused_with_line_and_pointer() {
    for (text, message) in [
        ("swagger: '2.0'\ninfo: {}", "contract.yaml:1 at /swagger: this is Swagger 2.0; convert it"),
        ("info: {}\nopenapi: 3.2.0", "contract.yaml:2 at /openapi: itest reads OpenAPI 3.0 and 3.1, and this is 3.2.0"),
        ("asyncapi: 3.0.0", "contract.yaml:1 at /asyncapi: itest reads OpenAPI and JSON Schema, and this is AsyncAPI"),
        ("a: 1", "contract.yaml:1: it is neither an OpenAPI description nor a JSON Schema"),
        ("openapi: 3.0.0\npaths:\n  a: {}", "contract.yaml:3 at /paths/a: the path \"a\" does not begin with a slash"),
        (
            "openapi: 3.0.0\npaths:\n  /{a: {}",
            "contract.yaml:3 at /paths/~1{a: in the path \"/{a\", a parameter of \"{a\" has no",
        ),
        (
            "openapi: 3.0.0\npaths:\n  /{id}:\n    get: {}",
            "contract.yaml:4 at /paths/~1{id}/get: the parameter \"id\" of the path /{id} is not among the parameters",
        ),
        (
            "openapi: 3.0.0\npaths:\n  /a:\n    get:\n      parameters:\n        - $ref: '#/components/parameters/P'",
            "contract.yaml:6 at /paths/~1a/get/parameters/0/$ref: the reference \"#/components/parameters/P\" leads nowhere",
        ),
        (
            "openapi: 3.0.0\npaths:\n  /a: { $ref: '#/paths/~1b' }\n  /b: { $ref: '#/paths/~1a' }",
            "contract.yaml:3 at /paths/~1a: its references lead in a circle",
        ),
        (
            "openapi: 3.0.0\npaths:\n  /a:\n    get:\n      responses:\n        200x: {}",
            "contract.yaml:6 at /paths/~1a/get/responses/200x: \"200x\" is no status",
        ),
        (
            "openapi: 3.0.0\npaths:\n  /a:\n    get:\n      security: [{ none: [] }]",
            "at /paths/~1a/get/security/0/none: the security scheme \"none\" is not in /components/securitySchemes",
        ),
        (
            "openapi: 3.0.0\npaths:\n  /a/{id}:\n    get: { parameters: [{ name: id, in: path }] }\n  /a/{key}:\n    get: { parameters: [{ name: key, in: path }] }",
            "contract.yaml:6 at /paths/~1a~1{key}/get: the paths /a/{id} and /a/{key} contradict each other",
        ),
        (
            "openapi: 3.0.0\ncomponents: { schemas: { A: { $ref: 'https://example.com/a.yaml#/A' } } }",
            "contract.yaml:2 at /components/schemas/A/$ref: it refers to https://example.com/a.yaml; itest reads nothing from the network",
        ),
        (
            "openapi: 3.0.0\ncomponents: { schemas: { A: { $ref: 'other.yaml#/A' } } }",
            "contract.yaml:2 at /components/schemas/A/$ref: \"other.yaml#/A\" is other.yaml: it cannot be read",
        ),
        (
            &with_schemas("    A: { type: strnig }"),
            "contract.yaml:13 at /components/schemas/A/type: the schema is invalid",
        ),
        (&with_schemas("    A: { $ref: '#/components/schemas/B' }"), "contract.yaml:9 at "),
        (
            &with_schemas("    A: { type: string, pattern: '[' }"),
            "schema: the schema cannot be used: \"[\" is not a \"regex\"",
        ),
    ] {
        let refused = checked(text);
        assert!(refused.contains(message), "{refused}\n{message}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
}

#[test]
fn file_that_cannot_be_read_is_refused() {
    let refused = Contract::in_package("/", "none.yaml").check().unwrap_err().to_string();
    assert!(refused.contains("none.yaml: it cannot be read"), "{refused}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.yaml"), b"openapi: 3.0.0\na: \xff").unwrap();
    let refused = Contract::in_package(leaked(folder.path()), "c.yaml").check().unwrap_err().to_string();
    assert!(refused.contains("c.yaml:2: it is not in UTF-8"), "{refused}");
}

#[test]
fn circular_schemas_are_judged_and_endless_ones_end() {
    for schemas in [
        "    A: { $ref: '#/components/schemas/B' }\n    B: { $ref: '#/components/schemas/A' }",
        "    A: { allOf: [{ $ref: '#/components/schemas/A' }] }",
        "    A: { type: object, properties: { a: { $ref: '#/components/schemas/A' } } }",
    ] {
        let (_folder, contract) = contract_of(&with_schemas(schemas));
        let mut deep = "{\"a\": ".repeat(100) + "{}" + &"}".repeat(100);
        let judged = Sent::new("POST", "/a").json(&deep).judged(&contract);
        assert!(judged.len() <= 1, "{judged:?}");
        deep = "{\"a\": ".repeat(100_000) + "{}" + &"}".repeat(100_000);
        let judged = Sent::new("POST", "/a").json(&deep).judged(&contract);
        assert!(judged[0].contains("recursion limit"), "{judged:?}");
    }
}

#[test]
fn unknown_formats_and_keywords_are_ignored() {
    let text = with_schemas("    A: { type: string, format: shoe-size, x-colour: red, nonsense: true }");
    let (_folder, contract) = contract_of(&text);
    contract.check().unwrap();
    assert_eq!(Sent::new("POST", "/a").json("\"46\"").judged(&contract), Vec::<String>::new());
}

#[test]
fn pattern_that_tries_too_many_ways_ends() {
    let (_folder, contract) = contract_of(&with_schemas("    A: { type: string, pattern: '^(a|a)*(?=b)$' }"));
    let began = Instant::now();
    let judged = Sent::new("POST", "/a").json(format!("\"{}\"", "a".repeat(5000))).judged(&contract);
    assert_eq!(judged.len(), 1, "{judged:?}");
    // It would take longer than the age of the universe without a limit.
    assert!(began.elapsed() < Duration::from_mins(1), "{judged:?}");
}

#[test]
fn ten_megabytes_are_read() {
    let mut text = with_schemas("    A: { type: integer }");
    let mut number = 0;
    while text.len() < 10_000_000 {
        let _ = write!(
            text,
            "    Schema{number}:\n      type: object\n      description: The schema with the number {number}.\n      properties:\n        \
             value: {{ type: string, maxLength: {number} }}\n"
        );
        number += 1;
    }
    let (_folder, contract) = contract_of(&text);
    let judged = Sent::new("POST", "/a").json("\"x\"").judged(&contract);
    assert_eq!(judged, ["body of the request  | integer | \"x\" | contract.yaml:13"]);
}

#[test]
fn folder_stands_for_a_url() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("copies")).unwrap();
    fs::write(folder.path().join("copies/a.yaml"), "A:\n  type: integer\n").unwrap();
    let text = with_schemas("    A: { $ref: 'https://example.com/schemas/a.yaml#/A' }");
    fs::write(folder.path().join("c.yaml"), text).unwrap();
    let contract = Contract::in_package(leaked(folder.path()), "c.yaml");
    assert!(contract.check().unwrap_err().to_string().contains("`.url_folder("));
    let contract = contract.url_folder("https://example.com/schemas/", "copies");
    let judged = Sent::new("POST", "/a").json("\"x\"").judged(&contract);
    assert_eq!(judged, ["body of the request  | integer | \"x\" | copies/a.yaml:2"]);
}

#[test]
fn schema_judges_messages_and_no_http() {
    let text = "{\n\"type\": \"object\",\n\"required\": [\"id\"],\n\"properties\": {\"id\":\n{\"type\": \"integer\"}}}";
    let (_folder, contract) = contract_in("order.json", text);
    contract.check_message(br#"{"id": 1}"#).unwrap();
    let broken = contract.check_message(br#"{"id": "1"}"#).unwrap_err().to_string();
    assert_eq!(
        broken,
        "the message breaks its contract\n  message, at /id\n    expected: integer\n    actual:   \"1\"\n    contract: order.json:5"
    );
    assert!(contract.check_message(b"{").unwrap_err().to_string().contains("are no JSON"));
    let refused = contract.compiled().unwrap().check_http().unwrap_err().to_string();
    assert!(refused.contains("order.json:1: it is a JSON Schema, which judges messages"), "{refused}");
    let refused = payments().check_message(b"{}").unwrap_err().to_string();
    assert!(refused.contains("OpenAPI description, which judges HTTP"), "{refused}");
}
