//! Settings: the table that the documentation shows, and the settings that fixtures declare.

use std::fs;
use std::path::Path;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-changes"), dir)
}

/// `ITEST_UPDATE_DOCS=1` writes the page instead.
#[integration_test]
fn settings_page_shows_the_table_of_settings() -> Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    let text = fs::read_to_string(&page)?;
    let (before, rest) =
        text.split_once("<!-- table of settings -->\n").ok_or_else(|| itest::Error::new("no table"))?;
    let (_, after) =
        rest.split_once("<!-- end of the table -->").ok_or_else(|| itest::Error::new("no end of the table"))?;
    let table = itest::__private::settings_reference();
    let expected = format!("{before}<!-- table of settings -->\n{table}<!-- end of the table -->{after}");
    if std::env::var_os("ITEST_UPDATE_DOCS").is_some() {
        fs::write(&page, expected)?;
    } else {
        assert_eq!(text, expected, "run this test with ITEST_UPDATE_DOCS=1");
    }
    Ok(())
}

#[integration_test]
#[case::flag(&["--show-data"], None, "", true)]
#[case::variable(&[], Some("true"), "", true)]
#[case::file(&[], None, "show-data = true", true)]
#[case::flag_over_variable(&["--show-data=false"], Some("true"), "", false)]
#[case::flag_over_file(&["--show-data=false"], None, "show-data = true", false)]
#[case::default_over_variable(&["--show-data="], Some("true"), "", false)]
#[case::in_process(&["--show-data", "--in-process"], None, "", true)]
#[case::flag_over_variable_in_process(&["--show-data=false", "--in-process"], Some("true"), "", false)]
fn fixture_receives_its_setting_from_the_highest_layer(
    #[case] arguments: &[&str],
    #[case] variable: Option<&str>,
    #[case] line: &str,
    #[case] is_shown: bool,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    fs::write(dir.path().join("itest.toml"), format!("[profile.default]\n{line}\n"))?;
    let mut suite = suite(dir).args(arguments).args(&["sells::memory"]);
    if let Some(value) = variable {
        suite = suite.env("ITEST_SHOW_DATA", value);
    }

    #[act]
    let finished = suite.run()?;

    #[assert]
    let output = format!("{}{}", finished.stdout(), finished.stderr());
    assert_eq!(output.contains("rows that the test changed"), is_shown, "{output}");
    Ok(())
}

#[integration_test]
fn setting_of_a_fixture_is_shown_without_its_secret(dir: &TempDir) -> Result<()> {
    let url = "postgres://team:hunter2@db.example/shop";
    let finished = suite(dir).args(&["--print-config", "--postgres-url", url]).run()?;
    let output = format!("{}{}", finished.stdout(), finished.stderr());
    assert!(output.contains("# postgres-url = \"postgres://team:***@db.example/shop\""), "{output}");
    assert!(!output.contains("hunter2"), "{output}");
    Ok(())
}

#[integration_test(tags("postgres"))]
fn provider_of_a_service_can_be_named_in_the_file(dir: &TempDir) -> Result<()> {
    #[arrange]
    fs::write(dir.path().join("itest.toml"), "[profile.default]\npostgres = \"barrel\"\n")?;

    #[act]
    let finished = suite(dir).args(&["sells::postgres"]).run()?;

    #[assert]
    let output = finished.stdout();
    assert!(output.contains("ITEST_POSTGRES=barrel: there is no provider `barrel`"), "{output}");
    Ok(())
}
