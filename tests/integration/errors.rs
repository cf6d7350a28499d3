//! The message of a failure names the causes of its error, whatever type the error has.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

const CAUSE: &str = "invalid digit found in string";

#[integration_test(tags("outcomes"))]
#[case::own_type("own_type", "body", "the shop is closed: {}")]
#[case::own_type_async("own_type_async", "body", "the shop is closed: {}")]
#[case::text_with_its_cause("text_with_its_cause", "body", "the shop is closed: {}")]
#[case::boxed("boxed", "body", "the shop is closed: {}")]
#[case::not_send("not_send", "body", "Emma cannot pay: {}")]
#[case::of_itest("of_itest", "body", "{}")]
#[case::number("number", "body", "404")]
#[case::fixture("fixture", "setup", "the shop is closed: {}")]
#[case::teardown_function("teardown_function", "teardown", "the shop is closed: {}")]
#[case::awaited_teardown_function("awaited_teardown_function", "body", "the shop is closed: {}")]
#[case::deferred_step("deferred_step", "teardown", "{}")]
fn failure_message_names_each_cause_once(
    #[case] test: &str,
    #[case] phase: &str,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    #[act]
    let events = Suite::new(env!("CARGO_BIN_EXE_suite-errors"), dir).events(&["--exact", test])?;

    #[assert]
    let failure = &events.case(test)["failures"][0];
    assert_eq!(failure["phase"], phase, "{failure:#}");
    assert_eq!(failure["message"], message.replace("{}", CAUSE), "{failure:#}");
    let location = failure["location"].as_str().unwrap_or_default();
    assert!(!location.contains("itest-runtime"), "{location}");
    Ok(())
}
