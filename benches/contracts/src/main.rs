//! What it costs to read a contract with 200 operations, and to judge an exchange of 2 kB by it.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use figures::{Samples, Table};
use http::{Request, Response};
use itest::Contract;
use serde_json::json;

/// The number of operations of the contract.
const OPERATIONS: usize = 200;

/// How often the contract is read.
const READINGS: usize = 11;

/// How many exchanges are judged.
const EXCHANGES: usize = 5000;

/// The longest that reading may take.
const MAX_READING: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });

/// The longest that judging an exchange may take.
const MAX_JUDGING: Duration = Duration::from_micros(if cfg!(debug_assertions) { 1000 } else { 100 });

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let text = description();
    let (request, answer) = exchange()?;
    let mut readings = Samples::default();
    let mut last = None;
    for number in 0..READINGS {
        // A contract is read once in a process, so each reading has a file of its own.
        let file = folder.path().join(format!("{number}.yaml"));
        fs::write(&file, &text)?;
        let contract = Contract::in_package("/", file.to_string_lossy());
        let began = Instant::now();
        // No operation has this path, so that no schema is compiled.
        let unknown = contract.check_exchange(&Request::get("/none").body("")?, &Response::new(""));
        readings.add(began.elapsed());
        if !unknown.is_err_and(|error| error.to_string().contains("path of the request")) {
            return Err("the contract cannot be read".into());
        }
        last = Some(contract);
    }
    let contract = last.ok_or("the contract was not read")?;
    let began = Instant::now();
    contract.check_exchange(&request, &answer)?;
    let first = began.elapsed();
    let mut exchanges = Samples::default();
    for _ in 0..EXCHANGES {
        let began = Instant::now();
        contract.check_exchange(&request, &answer)?;
        exchanges.add(began.elapsed());
    }
    let began = Instant::now();
    contract.check()?;
    let all = began.elapsed();
    let mut table = Table::new(&["what", "time", "bound"]);
    let size = format!("read {} kB of YAML, {OPERATIONS} operations", text.len() / 1000);
    let bytes = request.body().len() + answer.body().len();
    for (what, time, bound) in [
        (size, readings.median(), Some(MAX_READING)),
        ("first exchange of an operation".to_owned(), first, None),
        (format!("further exchange of {bytes} bytes, median"), exchanges.median(), Some(MAX_JUDGING)),
        ("all schemas".to_owned(), all, None),
    ] {
        table.row([Some(what), Some(format!("{time:.1?}")), bound.map(|bound| format!("{bound:?}"))]);
    }
    println!("{table}");
    let is_missed = readings.median() > MAX_READING || exchanges.median() > MAX_JUDGING;
    Ok(ExitCode::from(u8::from(is_missed)))
}

/// A description whose operations have parameters, bodies and errors, and schemas that refer to each other.
fn description() -> String {
    let mut text = "openapi: 3.0.3\ninfo: { title: Orders, version: '1' }\npaths:\n".to_owned();
    for number in 0..OPERATIONS / 2 {
        let _ = write!(
            text,
            "  /things{number}:
    get:
      operationId: listThings{number}
      parameters:
        - {{ name: page, in: query, schema: {{ type: integer, minimum: 1 }} }}
        - {{ name: sort, in: query, schema: {{ type: string, enum: [asc, desc] }} }}
      responses:
        '200':
          description: A page of things.
          content:
            application/json:
              schema: {{ type: array, items: {{ $ref: '#/components/schemas/Thing{number}' }} }}
        default: {{ $ref: '#/components/responses/Problem' }}
    post:
      operationId: addThing{number}
      parameters:
        - {{ name: Idempotency-Key, in: header, required: true, schema: {{ type: string, minLength: 4 }} }}
      requestBody:
        required: true
        content:
          application/json:
            schema: {{ $ref: '#/components/schemas/Thing{number}' }}
      responses:
        '201':
          description: The thing was added.
          content:
            application/json:
              schema: {{ $ref: '#/components/schemas/Thing{number}' }}
        default: {{ $ref: '#/components/responses/Problem' }}
"
        );
    }
    text += "components:
  responses:
    Problem:
      description: An error.
      content:
        application/problem+json:
          schema: { $ref: '#/components/schemas/Problem' }
  schemas:
    Problem: { type: object, required: [title], properties: { title: { type: string }, status: { type: integer } } }
    Money: { type: object, required: [amount, currency], properties: { amount: { type: integer, format: int64 }, currency: { type: string, pattern: '^[A-Z]{3}$' } } }
";
    for number in 0..OPERATIONS / 2 {
        let _ = write!(
            text,
            "    Thing{number}:
      type: object
      required: [name, price, items]
      properties:
        id: {{ type: string, format: uuid, readOnly: true }}
        name: {{ type: string, minLength: 1, maxLength: 200 }}
        note: {{ type: string, nullable: true }}
        price: {{ $ref: '#/components/schemas/Money' }}
        at: {{ type: string, format: date-time }}
        state: {{ type: string, enum: [new, paid, sent] }}
        items:
          type: array
          minItems: 1
          items:
            type: object
            required: [sku, count, price]
            properties:
              sku: {{ type: string, pattern: '^[a-z0-9-]+$' }}
              count: {{ type: integer, minimum: 1, maximum: 1000 }}
              price: {{ $ref: '#/components/schemas/Money' }}
              tags: {{ type: array, items: {{ type: string, maxLength: 20 }} }}
"
        );
    }
    text
}

/// An exchange of 2 kB.
fn exchange() -> Result<(Request<Vec<u8>>, Response<Vec<u8>>), Box<dyn std::error::Error>> {
    let item = |number: usize| json!({"sku": format!("book-{number}"), "count": 2, "price": {"amount": 1299, "currency": "EUR"}, "tags": ["new", "blue"]});
    let items: Vec<_> = (0..9).map(item).collect();
    let thing = json!({
        "name": "An order", "note": null, "price": {"amount": 25980, "currency": "EUR"},
        "at": "2024-05-01T12:00:00Z", "state": "new", "items": items,
    });
    let mut added = thing.clone();
    added["id"] = "8f14e45f-ceea-467f-9575-5b6c8f3a2d11".into();
    let json = |body: &serde_json::Value| body.to_string().into_bytes();
    let request =
        Request::post("/things50").header("content-type", "application/json").header("idempotency-key", "k-1234");
    let answer = Response::builder().status(201).header("content-type", "application/json");
    Ok((request.body(json(&thing))?, answer.body(json(&added))?))
}
