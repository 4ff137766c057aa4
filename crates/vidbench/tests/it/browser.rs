//! The report in a real browser: the tests drive headless Chromium through chromedriver; they click, play videos and
//! inspect the page.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use crate::workspace::{Workspace, suite, with_set};

/// Stops chromedriver when the test ends, even if it fails.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts chromedriver on a free port that it chooses itself.
fn start_driver() -> (Driver, u16) {
    let mut child = Command::new("chromedriver")
        .args(["--port=0", "--log-level=SEVERE"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver is installed by `make test` (Debian: chromium-driver)");
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let driver = Driver(child);
    let port = stdout.lines().find_map(|line| {
        let line = line.unwrap();
        line.split("on port ").nth(1)?.trim().trim_end_matches('.').parse().ok().filter(|port| *port != 0)
    });
    (driver, port.expect("chromedriver names its port"))
}

async fn open(port: u16, profile: &str) -> Client {
    let options = json!({
        "goog:loggingPrefs": { "browser": "ALL" },
        "goog:chromeOptions": { "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--autoplay-policy=no-user-gesture-required", "--window-size=1280,1600",
            format!("--user-data-dir={profile}"),
        ] }
    });
    let Value::Object(capabilities) = options else { unreachable!("an object was written above") };
    let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
    builder.capabilities(capabilities);
    builder.connect(&format!("http://127.0.0.1:{port}")).await.unwrap()
}

async fn js(client: &Client, script: &str) -> Value {
    client.execute(script, vec![]).await.unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn the_report_clicks_plays_and_looks_right() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", with_set(&suite("[1]", 3, "[1, 2, 4]")));
    let said = workspace.run(["run", "suite.toml", "--report", "report.html"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let (_driver, port) = start_driver();
    let client = open(port, workspace.path().join("profile").to_str().unwrap()).await;
    client.goto(&format!("file://{}/report.html", workspace.path().display())).await.unwrap();

    // Every video of the page is decoded by the browser.
    let videos = js(&client, "return document.querySelectorAll('video').length").await;
    assert_eq!(videos, 9);
    client.find(Locator::Css("#grid")).await.unwrap();

    // Sorting by a click changes the order of the rows.
    let first_column = "return [...document.querySelectorAll('#results tbody tr')].map(row => row.innerText)";
    let before = js(&client, first_column).await;
    let heads = client.find_all(Locator::Css("#results thead button")).await.unwrap();
    assert!(heads.len() >= 4, "{} sortable columns", heads.len());
    let mut orders = vec![before];
    for head in heads.iter().take(4) {
        for _ in 0..2 {
            head.click().await.unwrap();
            orders.push(js(&client, first_column).await);
        }
    }
    assert!(orders.iter().any(|order| *order != orders[0]), "no click changed the order");

    // The theme changes the colours.
    let background = "return getComputedStyle(document.documentElement).backgroundColor";
    let light = js(&client, background).await;
    client.find(Locator::Css("#theme")).await.unwrap().click().await.unwrap();
    let mut dark = js(&client, background).await;
    if dark == light {
        client.find(Locator::Css("#theme")).await.unwrap().click().await.unwrap();
        dark = js(&client, background).await;
    }
    assert_ne!(light, dark);

    // All videos play once they come into view; one button stops them, and they stay together.
    js(&client, "document.querySelector('#grid').scrollIntoView()").await;
    wait_for(&client, "return document.querySelector('#play').getAttribute('aria-pressed') === 'true'").await;
    let moved = "return [...document.querySelectorAll('video')].every(video => video.readyState >= 2) && \
                 document.querySelector('video').currentTime > 0.2";
    wait_for(&client, moved).await;
    client.find(Locator::Css("#play")).await.unwrap().click().await.unwrap();
    wait_for(&client, "return document.querySelector('#play').getAttribute('aria-pressed') === 'false'")
        .await;
    wait_for(
        &client,
        "return [...document.querySelectorAll('video')].every(video => video.paused && !video.seeking)",
    )
    .await;
    let spread = "const times = [...document.querySelectorAll('video')].map(video => video.currentTime); \
                  return Math.max(...times) - Math.min(...times)";
    let spread = js(&client, spread).await.as_f64().unwrap();
    // Clips of two seconds at 8 frames a second: less than two frames apart once paused.
    assert!(spread < 0.25, "videos are {spread} s apart");

    // Nothing was blocked, nothing failed.
    let errors = js(
        &client,
        "return performance.getEntriesByType('resource').filter(r => r.name.startsWith('http')).length",
    )
    .await;
    assert_eq!(errors, 0, "the page asked the network for something");

    let picture = client.screenshot().await.unwrap();
    assert!(picture.len() > 20_000, "a page of {} bytes shows nothing", picture.len());
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/report.png"), picture).unwrap();
    client.close().await.unwrap();
}

async fn wait_for(client: &Client, condition: &str) {
    for _ in 0..100 {
        if js(client, condition).await == true {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never true: {condition}");
}
