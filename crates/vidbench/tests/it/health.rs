//! Health and alerts of real runs: a driver library simulated by the tests, workers that fail, and thresholds that this
//! machine exceeds.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::workspace::{Workspace, example, skipped, worker_suite};

/// One sample that lasts for many readings.
const SUITE: &str = r#"schema_version = 1
name = "health"
seeds = [1]
[[models]]
id = "shapes-ldm"
engine = "embedded"
[prompts]
suite = "shapes"
limit = 1
[grid]
steps = [96]
[scenario]
warmup = 0
[telemetry]
interval_secs = 0.05
idle_secs = 0
"#;

/// The messages, the table and the data of a run of `suite`, with the given fault in the driver.
fn run(suite: &str, fault: &str) -> (String, String, Value) {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite);
    let output = workspace
        .command(["run", "suite.toml", "--progress", "plain"])
        .env("VIDBENCH_NVML", example("libfake_nvml.so"))
        .env("FAKE_NVML", fault)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{told}");
    (told, String::from_utf8(output.stdout).unwrap(), workspace.export())
}

/// `device_memory degraded`, ... of the first session, leaving out the disk and memory of the machine that runs the
/// test.
fn changes(data: &Value, list: &str, what: &str) -> Vec<String> {
    let mut changes = all_changes(data, list, what);
    changes.retain(|change| !change.starts_with("disk ") && !change.starts_with("memory "));
    changes
}

fn all_changes(data: &Value, list: &str, what: &str) -> Vec<String> {
    let changes = data["sessions"][0][list].as_array().cloned().unwrap_or_default();
    let words =
        |change: &Value| format!("{} {}", change[what].as_str().unwrap(), change["state"].as_str().unwrap());
    changes.iter().map(words).collect()
}

#[test]
fn full_device_memory_fires_and_is_over_again() {
    let (told, table, data) = run(SUITE, "surge");
    assert_eq!(
        changes(&data, "alerts", "alert"),
        ["device_memory fired", "device_memory resolved"],
        "{told}"
    );
    assert_eq!(
        changes(&data, "health", "part"),
        ["device_memory degraded", "device_memory healthy"],
        "{told}"
    );
    // The third reading is the first one above the threshold.
    let readings = data["readings"][0]["readings"].as_array().unwrap();
    let alerts = data["sessions"][0]["alerts"].as_array().unwrap();
    let fired = alerts.iter().find(|alert| alert["alert"] == "device_memory").unwrap();
    let fired_secs = fired["at_secs"].as_f64().unwrap();
    assert_eq!(fired_secs, readings[3]["t_ns"].as_u64().unwrap() as f64 / 1e9, "the second reading above");
    let reason = "device 0: 95.0 % of its memory is used";
    assert!(told.contains(&format!("alert fired: device memory: {reason}")), "{told}");
    assert!(told.contains("alert resolved: device memory: device 0: 25.0 % of its memory is used"), "{told}");
    assert!(told.contains(&format!("device memory is degraded: {reason}")), "{told}");
    assert!(table.contains("alert device memory fired 1 time, most recently"), "{table}");
}

#[test]
fn heat_and_memory_errors_are_unhealthy() {
    let (told, table, data) = run(SUITE, "hot,errors");
    let changes = changes(&data, "health", "part");
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(
        changes.contains(&"device_temperature unhealthy".into())
            && changes.contains(&"device_errors unhealthy".into()),
        "{changes:?}"
    );
    assert!(told.contains("health is unhealthy: device errors is unhealthy: device 0: 2 uncorrected memory errors in this session"), "{told}");
    assert!(table.contains("device temperature was unhealthy: device 0: 97 °C"), "{table}");
}

#[test]
fn a_device_that_is_lost_or_silent_is_unknown_and_not_healthy() {
    for (fault, why) in
        [("lost", "device 0: it does not answer"), ("silent", "device 0: its memory cannot be read")]
    {
        let (told, _, data) = run(SUITE, fault);
        let changes = changes(&data, "health", "part");
        assert!(changes.contains(&"device_memory unknown".into()), "{changes:?}");
        let health = data["sessions"][0]["health"].as_array().unwrap();
        assert!(health.iter().all(|change| change["whole"] != "healthy"), "{health:?}");
        assert!(told.contains(why), "{fault}: {told}");
    }
}

#[test]
fn a_well_machine_has_nothing_to_tell() {
    let (told, table, data) = run(SUITE, "");
    let of_the_device = |change: &String| change.starts_with("device");
    assert!(!changes(&data, "health", "part").iter().any(of_the_device), "{told}");
    assert!(!table.contains("device memory"), "{table}");
}

#[test]
fn a_disk_above_the_threshold_is_told_and_an_alert_can_be_switched_off() {
    let low = |alert: &str| format!("{SUITE}\n[alerts]\ndisk_percent = {alert}\n");
    let (told, _, data) = run(&low("0.0001"), "");
    assert_eq!(all_changes(&data, "alerts", "alert"), ["disk fired"], "{told}");
    assert!(told.contains("% of the disk is used"), "{told}");
    let (_, _, data) = run(&low("0"), "surge");
    assert_eq!(all_changes(&data, "alerts", "alert"), ["device_memory fired", "device_memory resolved"]);
}

/// The first alert of one kind; the disk of this machine may raise alerts of its own.
fn subject<'d>(data: &'d Value, kind: &str) -> &'d Value {
    let alerts = data["sessions"][0]["alerts"].as_array().unwrap();
    &alerts.iter().find(|alert| alert["alert"] == kind).unwrap()["subject"]
}

#[test]
fn many_failures_and_an_open_breaker_are_alerts() {
    let suite = worker_suite("[1, 2, 3]", "out-of-memory", 2, "");
    let rate = "[alerts]\nerror_rate_least = 4\nerror_rate_percent = 20\n";
    let (told, table, data) = run(&format!("{suite}\n{rate}"), "");
    assert_eq!(changes(&data, "alerts", "alert"), ["error_rate fired"], "{told}");
    assert!(told.contains("alert fired: error rate: 2 of the last 4 samples failed (50.0 %)"), "{told}");
    assert!(
        table.contains("alert error rate fired 1 time") && table.contains("it was still active at the end"),
        "{table}"
    );

    let breaker = worker_suite("[1, 2, 3]", "die@2", 2, "max_consecutive_failures = 2")
        .replace("attempts = 1", "attempts = 3\nbase_secs = 0")
        .replace("reopenings = 0", "reopenings = 2\nopen_secs = 0.1");
    let workspace = Workspace::new();
    workspace.write("suite.toml", breaker);
    let said = workspace.run(["run", "suite.toml", "--progress", "json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let data = workspace.export();
    assert_eq!(changes(&data, "alerts", "alert"), ["breaker fired", "breaker resolved"], "{}", said.stderr);
    assert_eq!(subject(&data, "breaker"), "rendered-shapes (generate)");
    let events = said.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_breaker = |event: &Value| event["event"] == "alert" && event["alert"] == "breaker";
    assert_eq!(events.filter(of_breaker).count(), 2, "{}", said.stderr);
    let log =
        std::fs::read_dir(workspace.path().join(".vidbench/logs")).unwrap().next().unwrap().unwrap().path();
    let lines: Vec<Value> = std::fs::read_to_string(log)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let fired = lines
        .iter()
        .find(|line| line["message"] == "alert: breaker of rendered-shapes (generate) fired")
        .unwrap();
    assert_eq!(
        (&fired["level"], &fired["run"], &fired["model"]),
        (&"WARN".into(), &data["run"]["id"], &"rendered-shapes".into())
    );
}

#[test]
fn a_worker_that_tells_nothing_is_told_before_it_is_given_up() {
    let suite = worker_suite("[2]", "hang", 2, "sample_timeout_secs = 3").replace("limit = 2", "limit = 1");
    let (told, _, data) = run(&format!("{suite}\n[telemetry]\ninterval_secs = 0.05\nidle_secs = 0\n"), "");
    let changes = changes(&data, "health", "part");
    // A busy machine may notice it late, and then directly as unhealthy.
    assert!(
        changes.iter().any(|change| change == "workers degraded" || change == "workers unhealthy"),
        "{told}"
    );
    assert!(
        told.contains("worker rendered-shapes: silent for") && told.contains("given up after 3 s"),
        "{told}"
    );
}

#[test]
fn slow_samples_are_an_alert_when_a_suite_says_what_is_slow() {
    let suite = worker_suite("[1, 2]", "none", 9, "") + "\n[alerts]\nlatency_secs = 0.000001\n";
    let (told, _, data) = run(&suite, "");
    assert_eq!(changes(&data, "alerts", "alert"), ["latency fired"], "{told}");
    assert_eq!(subject(&data, "latency"), "rendered-shapes");
}

#[test]
fn thresholds_that_are_reversed_are_refused() {
    let workspace = Workspace::new();
    workspace.write(
        "suite.toml",
        format!("{SUITE}\n[health]\ndisk_percent = {{ degraded = 90, unhealthy = 80 }}\n"),
    );
    let said = workspace.run(["run", "suite.toml", "--dry-run"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("`health.disk_percent`: `unhealthy` must not be below `degraded`"),
        "{}",
        said.stderr
    );
}

fn doctor(workspace: &Workspace, args: &[&str], library: &str, fault: &str) -> Command {
    let mut command = workspace.command([&["doctor", "--watch", "--interval", "0.05"], args].concat());
    command.env("VIDBENCH_NVML", library).env("FAKE_NVML", fault);
    command
}

#[test]
fn doctor_watches_the_machine_and_says_with_its_code_how_it_is() {
    let workspace = Workspace::new();
    let library = example("libfake_nvml.so");
    let output = doctor(&workspace, &["--count", "6", "--json"], &library, "hot").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "unhealthy at the end");
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 6);
    let is_hot = |line: &Value| {
        let parts = line["parts"].as_array().unwrap();
        parts.iter().any(|part| part["part"] == "device_temperature" && part["state"] == "unhealthy")
    };
    let hot: Vec<bool> = lines.iter().map(is_hot).collect();
    assert_eq!(hot, [false, false, false, true, true, true], "the second reading above it");
    let parts: Vec<&str> =
        lines[5]["parts"].as_array().unwrap().iter().map(|part| part["part"].as_str().unwrap()).collect();
    assert_eq!(
        parts,
        ["disk", "memory", "device_memory", "device_temperature", "device_errors", "device_clocks"]
    );

    let output = doctor(&workspace, &["--count", "2"], "/nonexistent.so", "").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.contains("degraded")
            && text.contains("device memory unknown: the driver library (NVML) does not respond"),
        "{text}"
    );
}

#[test]
fn a_machine_without_accelerators_is_not_unknown() {
    if std::path::Path::new("/proc/driver/nvidia").exists() {
        skipped("this machine has an NVIDIA driver");
        return;
    }
    let workspace = Workspace::new();
    let mut command = doctor(&workspace, &["--count", "1", "--json"], "", "");
    let output = command.env_remove("VIDBENCH_NVML").output().unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let parts: Vec<&str> =
        line["parts"].as_array().unwrap().iter().map(|part| part["part"].as_str().unwrap()).collect();
    assert_eq!(parts, ["disk", "memory"], "{line}");
}

#[test]
fn ctrl_c_ends_the_watch_with_130() {
    let workspace = Workspace::new();
    let mut child = doctor(&workspace, &[], "/nonexistent.so", "").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
