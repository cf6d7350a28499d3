//! The JUnit report, checked against the structure that CI systems expect.
//!
//! The rules are those in which the schemas of Maven Surefire (`surefire-test-report-3.0.xsd`) and of Jenkins' xUnit plugin
//! (`junit-10.xsd`) agree, written down here by hand. Two things go beyond them: a case may have properties, as pytest writes them and
//! readers accept, and `testsuites` counts what was skipped.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};
use roxmltree::{Document, Node};

const OUTCOMES: &str = env!("CARGO_BIN_EXE_suite-outcomes");

/// The attributes and children that an element may have.
struct Rule {
    element: &'static str,
    required: &'static [&'static str],
    allowed: &'static [&'static str],
    /// Its children, in this order.
    children: &'static [&'static str],
    text: bool,
}

const RERUN: Rule = Rule {
    element: "",
    required: &["type"],
    allowed: &["message"],
    children: &["stackTrace", "system-out", "system-err"],
    text: false,
};

const fn leaf(element: &'static str, required: &'static [&'static str], allowed: &'static [&'static str]) -> Rule {
    Rule { element, required, allowed, children: &[], text: true }
}

const RULES: [Rule; 15] = [
    Rule {
        element: "testsuites",
        required: &["name", "tests", "failures", "errors"],
        allowed: &["time", "skipped"],
        children: &["testsuite"],
        text: false,
    },
    Rule {
        element: "testsuite",
        required: &["name", "tests", "failures", "errors", "skipped"],
        allowed: &["time", "timestamp"],
        children: &["properties", "testcase", "system-out", "system-err"],
        text: false,
    },
    Rule {
        element: "testcase",
        required: &["name", "time"],
        allowed: &["classname"],
        children: &[
            "properties",
            "failure",
            "skipped",
            "error",
            "rerunFailure",
            "rerunError",
            "flakyFailure",
            "flakyError",
            "system-out",
            "system-err",
        ],
        text: false,
    },
    Rule { element: "properties", required: &[], allowed: &[], children: &["property"], text: false },
    Rule { element: "property", required: &["name", "value"], allowed: &[], children: &[], text: false },
    leaf("failure", &["type"], &["message"]),
    leaf("error", &["type"], &["message"]),
    leaf("skipped", &[], &["message"]),
    leaf("stackTrace", &[], &[]),
    leaf("system-out", &[], &[]),
    leaf("system-err", &[], &[]),
    Rule { element: "rerunFailure", ..RERUN },
    Rule { element: "rerunError", ..RERUN },
    Rule { element: "flakyFailure", ..RERUN },
    Rule { element: "flakyError", ..RERUN },
];

/// The violations of the rules in an element and its descendants.
fn violations(node: Node<'_, '_>) -> Vec<String> {
    let name = node.tag_name().name();
    let Some(rule) = RULES.iter().find(|rule| rule.element == name) else { return vec![format!("<{name}>")] };
    let mut violations = Vec::new();
    for required in rule.required.iter().filter(|required| !node.has_attribute(**required)) {
        violations.push(format!("<{name}> without {required}"));
    }
    for attribute in node.attributes() {
        if !rule.required.contains(&attribute.name()) && !rule.allowed.contains(&attribute.name()) {
            violations.push(format!("<{name} {}>", attribute.name()));
        }
        let is_seconds = |text: &str| {
            let (whole, parts) = text.split_once('.').unwrap_or((text, ""));
            parts.len() <= 3 && [whole, parts].iter().all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if attribute.name() == "time" && !is_seconds(attribute.value()) {
            violations.push(format!("<{name} time={}>", attribute.value()));
        }
    }
    let text: String = node.children().filter_map(|child| child.text().filter(|_| child.is_text())).collect();
    if !rule.text && !text.trim().is_empty() {
        violations.push(format!("text in <{name}>: {text}"));
    }
    let children: Vec<_> = node.children().filter(Node::is_element).collect();
    let places = children.iter().map(|child| rule.children.iter().position(|known| *known == child.tag_name().name()));
    let places: Vec<_> = places.collect();
    if places.contains(&None) || !places.is_sorted() {
        let names: Vec<_> = children.iter().map(|child| child.tag_name().name()).collect();
        violations.push(format!("<{name}> of {names:?}"));
    }
    violations.extend(children.into_iter().flat_map(self::violations));
    violations
}

/// Asserts that each count in the attributes of the suite is the number of its elements of that kind.
fn assert_counts(document: &Document<'_>) -> Result<()> {
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).ok_or("no suite")?;
    let cases: Vec<_> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
    let with = |element: &str| {
        cases.iter().filter(|case| case.children().any(|child| child.has_tag_name(element))).count().to_string()
    };
    for (attribute, element) in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")] {
        assert_eq!(suite.attribute(attribute), Some(&*with(element)), "{attribute}");
    }
    assert_eq!(suite.attribute("tests"), Some(&*cases.len().to_string()));
    Ok(())
}

/// The names of the child elements of a case, without its properties.
fn elements(document: &Document<'_>, id: &str) -> Vec<String> {
    let case = document.descendants().find(|node| node.attribute("name") == Some(id) && node.has_tag_name("testcase"));
    let inside = case.into_iter().flat_map(|case| case.children().filter(Node::is_element));
    inside.map(|element| element.tag_name().name().to_owned()).filter(|name| name != "properties").collect()
}

#[integration_test(tags("reports"))]
fn junit_report_distinguishes_failures_from_errors_and_lists_reruns(dir: &TempDir) -> Result<()> {
    #[arrange]
    let path = dir.join("reports/junit.xml");
    let arguments = [
        "--junit",
        &path.display().to_string(),
        "--setup-timeout",
        "300ms",
        "--teardown-timeout",
        "200ms",
        "--retries",
        "1",
    ];

    #[act]
    let events = Suite::new(OUTCOMES, dir).events(&arguments)?;

    #[assert("the report agrees with the events")]
    let text = fs::read_to_string(&path)?;
    let document = Document::parse(&text)?;
    assert_eq!(violations(document.root_element()), Vec::<String>::new());
    assert_counts(&document)?;
    let outcomes = events.outcomes();
    assert!(outcomes.len() > 20, "{outcomes:?}");
    for (id, outcome) in &outcomes {
        let children = elements(&document, id);
        let first = children.first().map(String::as_str);
        let expected: &[Option<&str>] = match outcome.as_str() {
            "passed" => &[None, Some("system-out"), Some("system-err")],
            "flaky" => &[Some("flakyFailure"), Some("flakyError")],
            "skipped" => &[Some("skipped")],
            "failed" => &[Some("failure")],
            "errored" | "crashed" => &[Some("error")],
            _ => &[Some("failure"), Some("error")],
        };
        assert!(expected.contains(&first), "{id} {outcome}: {children:?}");
        let reruns = children.iter().filter(|name| name.starts_with("rerun")).count();
        assert_eq!(
            reruns,
            usize::from(expected.contains(&Some("failure")) || expected.contains(&Some("error"))),
            "{id}"
        );
    }
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).ok_or("no suite")?;
    let counted = |name: &str| suite.attribute(name).and_then(|text| text.parse::<usize>().ok());
    let ignored = events.named("case_ignored").len();
    assert_eq!(counted("tests"), Some(outcomes.len() + ignored));
    assert!(text.contains("name=\"seed\"") && text.contains("assert_us"), "seed and phases are properties");
    Ok(())
}

/// The text of an element in a case.
fn text_in<'d>(document: &'d Document<'_>, path: &[&str]) -> Option<&'d str> {
    let mut node = document.descendants().find(|node| node.has_tag_name("testcase"))?;
    for element in path {
        node = node.children().find(|child| child.has_tag_name(*element))?;
    }
    node.text()
}

#[integration_test(tags("reports"))]
fn junit_report_of_a_failed_test_has_its_exchanges_as_properties(dir: &TempDir) -> Result<()> {
    #[arrange]
    let path = dir.join("junit.xml").display().to_string();
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-stand-ins"), dir);

    #[act]
    suite.args(&["--exact", "fault_that_is_triggered", "--junit", &path]).run()?;

    #[assert]
    let text = fs::read_to_string(&path)?;
    let document = Document::parse(&text)?;
    assert_eq!(violations(document.root_element()), Vec::<String>::new());
    let properties = document.descendants().filter(|node| node.attribute("name") == Some("exchange"));
    let exchanges: Vec<&str> = properties.filter_map(|node| node.attribute("value")).collect();
    assert_eq!(exchanges.len(), 2, "{text}");
    assert!(
        exchanges[0].contains("payments POST /charge 503") && exchanges[0].contains(", fault status-503"),
        "{text}"
    );
    Ok(())
}

#[integration_test(tags("reports"))]
fn junit_report_is_well_formed_for_any_output(dir: &TempDir) -> Result<()> {
    #[arrange]
    let path = dir.join("junit.xml").display().to_string();
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-hostile"), dir);

    #[act]
    let events: Events = suite.events(&["prints_what_reports_must_escape", "--ignored", "--junit", &path])?;

    #[assert("it is well-formed and has all text that XML can represent")]
    assert_eq!(events.summary()["failed"], 1);
    let text = fs::read_to_string(&path)?;
    let document = Document::parse(&text)?;
    assert_eq!(violations(document.root_element()), Vec::<String>::new());
    assert_counts(&document)?;
    let own = "]]> <!-- & ";
    for path in [&["failure"][..], &["system-out"], &["rerunFailure", "stackTrace"], &["rerunFailure", "system-out"]] {
        let content = text_in(&document, path).unwrap_or_default();
        assert!(content.contains(own) && content.contains("100%"), "{path:?}: {content:?}");
    }
    assert!(text_in(&document, &["system-err"]).is_some_and(|text| text.contains("]]>")));
    Ok(())
}
