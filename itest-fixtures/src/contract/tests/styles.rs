//! How values are written: the styles of parameters, null, and schemas of both versions.

use super::{Sent, contract_of};

/// The judgement of a request to a path with one parameter.
fn judged(parameter: &str, target: &str) -> Vec<String> {
    let path = if parameter.contains("in: path") { "/a/{p}" } else { "/a" };
    let text = format!(
        "openapi: 3.0.3\npaths:\n  {path}:\n    get:\n      parameters:\n        - {{ name: p, {parameter} }}\n      responses: {{}}\n"
    );
    let (_folder, contract) = contract_of(&text);
    Sent::new("GET", target).judged(&contract)
}

#[test]
fn every_style_is_read() {
    let array = "schema: { type: array, maxItems: 2, items: { type: integer } }";
    let object =
        "schema: { type: object, properties: { a: { type: integer }, b: { type: boolean } }, required: [a, b] }";
    for (parameter, right, wrong) in [
        ("in: path, required: true, schema: { type: integer }", "/a/7", "/a/x"),
        (&format!("in: path, required: true, {array}"), "/a/1,2", "/a/1,x"),
        (&format!("in: path, required: true, {object}"), "/a/a,1,b,true", "/a/a,1,b,2"),
        (&format!("in: path, required: true, explode: true, {object}"), "/a/a=1,b=true", "/a/a=1"),
        (&format!("in: path, required: true, style: label, {array}"), "/a/.1,2", "/a/1,2"),
        (&format!("in: path, required: true, style: label, explode: true, {array}"), "/a/.1.2", "/a/.1.2.3"),
        (&format!("in: path, required: true, style: matrix, {array}"), "/a/;p=1,2", "/a/;q=1"),
        (&format!("in: path, required: true, style: matrix, explode: true, {array}"), "/a/;p=1;p=2", "/a/;p=1;p=x"),
        (&format!("in: query, {array}"), "/a?p=1&p=2", "/a?p=1&p=2&p=3"),
        (&format!("in: query, explode: false, {array}"), "/a?p=1,2", "/a?p=1,x"),
        (&format!("in: query, style: spaceDelimited, explode: false, {array}"), "/a?p=1%202", "/a?p=1%20x"),
        (&format!("in: query, style: pipeDelimited, explode: false, {array}"), "/a?p=1%7C2", "/a?p=1|x"),
        (&format!("in: query, style: deepObject, {object}"), "/a?p[a]=1&p[b]=true", "/a?p[a]=1"),
        (&format!("in: query, {object}"), "/a?a=1&b=false", "/a?a=1"),
        (&format!("in: query, explode: false, {object}"), "/a?p=a,1,b,false", "/a?p=a,1"),
        (
            "in: query, content: { application/json: { schema: { type: object, required: [a] } } }",
            "/a?p={\"a\":1}",
            "/a?p={}",
        ),
        ("in: query, content: { application/json: { schema: { type: object } } }", "/a?p=%7B%7D", "/a?p={"),
        ("in: query, required: true, allowEmptyValue: true, schema: { type: integer }", "/a?p", "/a"),
        (
            "in: query, schema: { oneOf: [{ type: integer, minimum: 5 }, { type: string, maxLength: 1 }] }",
            "/a?p=4",
            "/a?p=44x",
        ),
        ("in: query, schema: { enum: [1, 2] }", "/a?p=2", "/a?p=3"),
    ] {
        assert_eq!(judged(parameter, right), Vec::<String>::new(), "{parameter} {right}");
        let judged = judged(parameter, wrong);
        assert_eq!(judged.len(), 1, "{parameter} {wrong}: {judged:?}");
    }
}

/// The judgement of a JSON body by a schema.
fn body_judged(version: &str, schema: &str, body: &str) -> Vec<String> {
    let text = format!(
        "openapi: {version}\npaths:\n  /a:\n    post:\n      requestBody:\n        content:\n          application/json:\n            \
         schema: {schema}\n      responses: {{}}\n"
    );
    let (_folder, contract) = contract_of(&text);
    Sent::new("POST", "/a").json(body).judged(&contract)
}

#[test]
fn schemas_mean_what_their_version_states() {
    for (version, schema, right, wrong) in [
        ("3.0.3", "{ type: string, nullable: true }", "null", "1"),
        ("3.0.3", "{ type: integer, minimum: 1, exclusiveMinimum: true }", "2", "1"),
        ("3.0.3", "{ type: string, nullable: true, enum: [a, null] }", "null", "\"b\""),
        ("3.0.3", "{ type: string, format: byte }", "\"aXRlc3Q=\"", "\"?\""),
        ("3.0.3", "{ type: number, format: float }", "1.5", "1e39"),
        ("3.1.0", "{ type: [string, 'null'] }", "null", "1"),
        ("3.1.0", "{ type: integer, exclusiveMinimum: 1 }", "2", "1"),
        ("3.1.0", "{ const: a }", "\"a\"", "\"b\""),
        ("3.1.0", "{ type: array, prefixItems: [{ type: integer }], items: false }", "[1]", "[1, 2]"),
        (
            "3.1.0",
            "{ type: object, properties: { a: true }, unevaluatedProperties: false }",
            "{\"a\": 1}",
            "{\"b\": 1}",
        ),
        ("3.1.0", "{ if: { type: integer }, then: { minimum: 3 } }", "\"x\"", "2"),
        ("3.1.0", "{ anyOf: [{ type: object, required: [a] }, { type: integer }] }", "{\"a\": 1}", "{}"),
    ] {
        assert_eq!(body_judged(version, schema, right), Vec::<String>::new(), "{schema} {right}");
        let judged = body_judged(version, schema, wrong);
        assert!(judged.len() == 1 && judged[0].ends_with("contract.yaml:8"), "{schema} {wrong}: {judged:?}");
    }
    // `nullable` has no effect in version 3.1.
    assert_eq!(body_judged("3.1.0", "{ type: string, nullable: true }", "null").len(), 1);
}
