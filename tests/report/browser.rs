//! A browser that tests drive by the WebDriver protocol.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use itest::prelude::*;
use itest::{Client, Ready};
use serde_json::{Value, json};

/// The time within which a page must reach a state.
const STATE_TIMEOUT: Duration = Duration::from_secs(20);

/// The interval between two checks of a page.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A headless browser with one window. All tests of a worker use it, one after the other.
pub(crate) struct Browser {
    /// The client of the session.
    session: Client,
    _driver: RunningProgram,
}

#[fixture(scope = "worker")]
pub(crate) async fn browser(teardown: &Teardown) -> Result<Browser> {
    if !is_installed("chromedriver") || !is_installed("chromium") {
        itest::unavailable!("chromium", "apt-get install chromium chromium-driver")
    }
    let driver = Program::new("chromedriver")
        .arg("--port={port}")
        .port("PORT")
        .ready_when(Ready::http("/status"))
        .start(teardown)
        .await?;
    let options = json!({
        "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-breakpad", "--window-size=1280,900"],
    });
    let wanted = json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
    let service = Client::new(driver.url()?);
    let created = service.post("/session").json(&json!({"capabilities": {"alwaysMatch": wanted}})).await?;
    let id = created.assert_success().at("/value/sessionId");
    let session = Client::new(format!("{}/session/{}", driver.url()?, id.as_str().unwrap_or_default()));
    let to_close = session.clone();
    teardown.defer("close the browser", async move {
        to_close.delete("").await?;
        Ok::<_, itest::Error>(())
    });
    Ok(Browser { session, _driver: driver })
}

fn is_installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

impl Browser {
    /// Opens the report, and waits until its view is shown.
    pub(crate) async fn open(&self, report: &Path, fragment: &str) -> Result<()> {
        // A change of the fragment alone would not load the page again.
        self.command("/url", &json!({"url": "about:blank"})).await?;
        self.command("/url", &json!({"url": format!("file://{}{fragment}", report.display())})).await?;
        self.wait_for("document.documentElement.dataset.ready === 'true'").await
    }

    /// Opens another view of the report by its address.
    pub(crate) async fn go_to(&self, fragment: &str) -> Result<()> {
        self.run(&format!("location.hash = {};", json!(fragment))).await?;
        self.wait_for(&format!(
            "location.hash === {} && document.querySelector('main > .view') !== null",
            json!(fragment)
        ))
        .await
    }

    /// Runs a script in the page, and returns its result.
    pub(crate) async fn run(&self, script: &str) -> Result<Value> {
        self.command("/execute/sync", &json!({"script": script, "args": []})).await
    }

    /// Runs a script in the page until it calls the function `done`, and returns the argument of that call.
    pub(crate) async fn run_to_end(&self, script: &str) -> Result<Value> {
        let script = format!("const done = arguments[0]; {script}");
        self.command("/execute/async", &json!({"script": script, "args": []})).await
    }

    /// Waits until an expression is true in the page.
    #[track_caller]
    pub(crate) fn wait_for(&self, expression: &str) -> impl Future<Output = Result<()>> {
        let script = format!("return Boolean({expression});");
        async move {
            let since = Instant::now();
            while self.run(&script).await? != Value::Bool(true) {
                if since.elapsed() > STATE_TIMEOUT {
                    let text = self.text("body").await?;
                    return Err(format!("the page has not reached {script:?}; it shows:\n{text}").into());
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            Ok(())
        }
    }

    /// The visible text of the first element that a selector matches.
    pub(crate) async fn text(&self, selector: &str) -> Result<String> {
        let id = self.find(selector).await?;
        let text = self.session.get(format!("/element/{id}/text")).await?.assert_success().at("/value");
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks the first element that a selector matches, as a mouse does: an element that is covered or invisible is an error.
    pub(crate) async fn click(&self, selector: &str) -> Result<()> {
        let id = self.find(selector).await?;
        self.command(&format!("/element/{id}/click"), &json!({})).await.map(|_| ())
    }

    /// Presses keys one after the other, wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) -> Result<()> {
        let press = |key: char| [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})];
        let keys: Vec<Value> = keys.chars().flat_map(press).collect();
        self.command("/actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})).await?;
        Ok(())
    }

    /// Goes back in the browser's history.
    pub(crate) async fn back(&self) -> Result<()> {
        self.command("/back", &json!({})).await.map(|_| ())
    }

    /// Changes the size of the window, and the colour scheme of the system.
    pub(crate) async fn set_appearance(&self, appearance: Appearance) -> Result<()> {
        let size = json!({"width": appearance.width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await?;
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": appearance.scheme}]});
        self.devtools("Emulation.setEmulatedMedia", scheme).await
    }

    /// Writes a picture of the window to a file.
    pub(crate) async fn save_screenshot(&self, file: &Path) -> Result<()> {
        let picture = self.session.get("/screenshot").await?.assert_success().at("/value");
        let bytes = Base64::decode_vec(picture.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
        std::fs::write(file, bytes)?;
        Ok(())
    }

    /// The messages on the browser's console since the last call. The browser writes violations of the content security policy there.
    pub(crate) async fn console(&self) -> Result<Vec<String>> {
        let entries = self.command("/se/log", &json!({"type": "browser"})).await?;
        let entries = entries.as_array().cloned().unwrap_or_default();
        Ok(entries.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect())
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Result<()> {
        self.command("/goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await.map(|_| ())
    }

    async fn find(&self, selector: &str) -> Result<String> {
        let element = self.command("/element", &json!({"using": "css selector", "value": selector})).await?;
        let id = element.as_object().and_then(|element| element.values().next()).and_then(Value::as_str);
        Ok(id.ok_or("the driver names no element")?.to_owned())
    }

    async fn command(&self, path: &str, body: &Value) -> Result<Value> {
        let response = self.session.post(path).json(body).await?;
        if response.status() == 200 {
            return Ok(response.at("/value"));
        }
        Err(format!("{path}: {}: {}", response.at("/value/error"), response.at("/value/message")).into())
    }
}

/// The size of the window and the colour scheme of the system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appearance {
    pub(crate) width: u32,
    pub(crate) scheme: &'static str,
}

impl Appearance {
    pub(crate) const WIDE: Self = Self { width: 1280, scheme: "light" };
    pub(crate) const ALL: [Self; 4] = [
        Self::WIDE,
        Self { width: 1280, scheme: "dark" },
        Self { width: 390, scheme: "light" },
        Self { width: 390, scheme: "dark" },
    ];
}
