//! A real browser: Chromium in the lab's network, driven by its own driver.

use std::{
    future::Future,
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use thirtyfour::{By, ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};
use tokio::runtime::{Builder, Runtime};

use super::lab::{Lab, mortal};

/// Where the driver listens; each lab has a network of its own.
const DRIVER: &str = "127.0.0.1:9515";

/// What a test waits for comes within this.
const LIMIT: Duration = Duration::from_secs(60);

/// What finds the flaws that people meet who do not see, or use the keyboard alone.
const AXE: &str = include_str!("axe/axe.min.js");

/// A browser with one window.
pub struct Browser {
    runtime: Runtime,
    driver: WebDriver,
    process: Child,
}

impl Browser {
    /// Starts one, 1280 by 900, with the light theme.
    pub fn start(lab: &Lab) -> Self {
        let process = mortal("chromedriver")
            .arg("--port=9515")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: run scripts/install-test-parts first");
        let begun = Instant::now();
        while TcpStream::connect(DRIVER).is_err() {
            assert!(begun.elapsed() < LIMIT, "chromedriver does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        let mut wanted = DesiredCapabilities::chrome();
        let profile = format!("--user-data-dir={}", lab.dir().join("browser").display());
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &profile,
        ] {
            wanted.add_arg(argument).unwrap();
        }
        wanted.set_binary("/usr/bin/chromium").unwrap();
        // An error says that another test chose one before: that one is good too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Of this thread alone, which is in the lab's network.
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let driver = runtime.block_on(WebDriver::new(format!("http://{DRIVER}"), wanted)).expect("a browser");
        let browser = Self { runtime, driver, process };
        browser.resize(1280, 900);
        browser.dark(false);
        browser
    }

    fn run<T, E: std::fmt::Debug>(&self, what: &str, doing: impl Future<Output = Result<T, E>>) -> T {
        self.runtime.block_on(doing).unwrap_or_else(|error| panic!("{what} at {}: {error:?}", self.place()))
    }

    /// The address, for messages.
    fn place(&self) -> String {
        self.runtime.block_on(self.driver.current_url()).map_or_else(|_| "nowhere".to_owned(), Into::into)
    }

    /// Goes to an address.
    pub fn go(&self, address: &str) {
        self.run("going", self.driver.goto(address));
    }

    /// Where it is: the path, and what stands behind the `?`.
    pub fn path(&self) -> String {
        let place = self.place();
        let (_, rest) = place.split_once("://").unwrap_or(("", &place));
        rest.find('/').map_or("/", |at| &rest[at..]).to_owned()
    }

    /// Clicks what the selector finds.
    pub fn click(&self, selector: &str) {
        let click =
            || self.runtime.block_on(async { self.driver.find(By::Css(selector)).await?.click().await });
        // Of a page that was just left it may have found the old element.
        if click().is_err() {
            self.run(selector, async { self.driver.find(By::Css(selector)).await?.click().await });
        }
    }

    /// Types into what the selector finds, after what is there.
    pub fn write(&self, selector: &str, text: &str) {
        self.run(selector, async { self.driver.find(By::Css(selector)).await?.send_keys(text).await });
    }

    /// Types into what the selector finds, in place of what is there.
    pub fn fill(&self, selector: &str, text: &str) {
        self.run(selector, async { self.driver.find(By::Css(selector)).await?.clear().await });
        self.write(selector, text);
    }

    /// Presses keys, wherever the keyboard is.
    pub fn press(&self, keys: &str) {
        self.run("keys", async { self.driver.active_element().await?.send_keys(keys).await });
    }

    /// What is read in the first that the selector finds, as soon as it is there.
    pub fn text(&self, selector: &str) -> String {
        if selector != "body" {
            self.wait(&format!("document.querySelector({})", json!(selector)));
        }
        self.run(selector, async { self.driver.find(By::Css(selector)).await?.text().await })
    }

    /// What a script returns.
    pub fn script(&self, script: &str) -> Value {
        self.run(script, async {
            Ok::<_, thirtyfour::error::WebDriverError>(
                self.driver.execute(script, Vec::new()).await?.json().clone(),
            )
        })
    }

    /// Waits until a script returns `true`.
    pub fn wait(&self, condition: &str) {
        let begun = Instant::now();
        let script = format!("return Boolean({condition})");
        // A page that is being left knows no script.
        while self
            .runtime
            .block_on(self.driver.execute(&script, Vec::new()))
            .map_or(true, |is| *is.json() != true)
        {
            assert!(begun.elapsed() < LIMIT, "{condition}: not at {}: {}", self.place(), self.text("body"));
            thread::sleep(Duration::from_millis(30));
        }
    }

    fn tool(&self, command: &str, parameters: Value) {
        self.run(command, self.driver.cdp().send_raw(command, parameters));
    }

    /// The theme that the system asks for.
    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.tool("Emulation.setEmulatedMedia", features);
    }

    /// The size of what is seen of a page.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.tool("Emulation.setDeviceMetricsOverride", size);
    }

    /// Whether scripts run on the pages that are loaded from now on.
    pub fn scripts(&self, run: bool) {
        self.tool("Emulation.setScriptExecutionDisabled", json!({"value": !run}));
    }

    /// How many bytes a second it may send; none: as many as it can.
    pub fn slow(&self, sends: Option<u32>) {
        let sends = sends.map_or(-1, i64::from);
        self.tool("Network.enable", json!({}));
        let limits =
            json!({"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": sends});
        self.tool("Network.emulateNetworkConditions", limits);
    }

    /// A picture of what is seen.
    pub fn picture(&self, path: &Path) {
        self.run("a picture", self.driver.screenshot(path));
    }

    /// What axe finds on the page.
    pub fn violations(&self) -> Vec<String> {
        self.script(AXE);
        let asking = "const done = arguments[arguments.length - 1]; axe.run().then((found) => done(found.violations.map(
            (flaw) => `${flaw.id}: ${flaw.nodes.map((node) => node.html.slice(0, 200)).join(' ')}`)), (error) => done([String(error)]))";
        let found = self.run("axe", self.driver.execute_async(asking, Vec::new()));
        serde_json::from_value(found.json().clone()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser, and then itself has to go. What failed before is told already.
        let _ = self.runtime.block_on(self.driver.clone().quit());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
