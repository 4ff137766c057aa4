//! Sensor data of a run, with a driver library simulated by the tests: 200 W, and a counter that follows the clock.

use serde_json::Value;

use crate::main_job::samples;
use crate::workspace::{Workspace, example};

const SUITE: &str = r#"schema_version = 1
name = "energy"
seeds = [1]
[[models]]
id = "shapes-ldm"
engine = "embedded"
[prompts]
suite = "shapes"
limit = 1
[grid]
steps = [256]
[scenario]
warmup = 0
[telemetry]
interval_secs = 0.3
idle_secs = 0
"#;

/// The table and the data of a run, with the given fault in the driver.
fn run(fault: &str) -> (String, Value) {
    let workspace = Workspace::new();
    workspace.write("suite.toml", SUITE);
    let library = example("libfake_nvml.so");
    let output = workspace
        .command(["run", "suite.toml"])
        .env("VIDBENCH_NVML", library)
        .env("FAKE_NVML", fault)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), workspace.export())
}

fn telemetry(data: &Value) -> Vec<&Value> {
    samples(data).iter().map(|sample| &sample["telemetry"]).collect()
}

fn check_energy(fault: &str) {
    let (table, data) = run(fault);
    for sample in samples(&data) {
        let secs = sample["service_secs"].as_f64().unwrap();
        let joules = sample["telemetry"]["device_joules"]["value"].as_f64().unwrap();
        // The counter is a straight line over time, so its value between readings is known, whatever else the machine
        // does.
        assert!((joules - 200.0 * secs).abs() < 0.1 * 200.0 * secs, "{joules} J in {secs} s");
        assert_eq!(sample["telemetry"]["device_memory_used_bytes"]["value"], (20_u64 << 30) as f64);
        assert_eq!(sample["telemetry"]["contended"], false);
        assert_eq!(sample["telemetry"]["device_memory_own_bytes"], 0);
    }
    assert!(table.contains("energy") && table.contains("J per sample"), "{table}");
}

#[test]
fn energy_is_what_the_counter_says_during_a_sample() {
    check_energy("");
}

#[test]
fn energy_without_a_counter_comes_from_power() {
    check_energy("no-counter");
}

#[test]
fn a_driver_that_tells_nothing_gives_reasons_and_no_numbers() {
    let (table, data) = run("silent");
    for found in telemetry(&data) {
        let reason = found["device_joules"]["not_available"]["reason"].as_str().unwrap();
        assert!(reason.contains("neither an energy counter nor power was read"), "{reason}");
        assert!(found["device_memory_used_bytes"]["not_available"].is_object());
    }
    assert!(!table.contains("J per sample"), "{table}");
}

#[test]
fn the_power_of_the_idle_machine_is_measured_where_there_is_a_sensor() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", SUITE.replace("idle_secs = 0", "idle_secs = 0.6"));
    let run = |library: &str| {
        let output = workspace
            .command(["run", "suite.toml", "--progress", "plain", "--report", "page.html"])
            .env("VIDBENCH_NVML", library)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let page = std::fs::read_to_string(workspace.path().join("page.html")).unwrap();
        (
            String::from_utf8(output.stderr).unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            page,
            workspace.export(),
        )
    };
    let (told, table, page, data) = run(&example("libfake_nvml.so"));
    assert!(told.contains("measuring idle power for 0.6 s before the first model"), "{told}");
    let idle = data["analysis"]["idle"].as_array().unwrap();
    let when: Vec<&Value> = idle.iter().map(|idle| &idle["when"]).collect();
    assert_eq!(when, ["before", "after"]);
    let first_sample_ns = samples(&data)[0]["generation"]["timing"]["sent_ns"].as_u64();
    assert!(data["sessions"][0]["idle"][0]["end_ns"].as_u64() <= first_sample_ns);
    for idle in idle {
        // The simulated counter shows 200 W all the time.
        let watts = idle["device_watts"]["value"].as_f64().unwrap();
        assert!((watts - 200.0).abs() < 20.0, "{idle}");
    }
    for idle in idle {
        let watts = idle["device_watts"]["value"].as_f64().unwrap();
        assert!(table.contains(&format!("{watts:.1} W {}", idle["when"].as_str().unwrap())), "{table}");
    }
    assert!(page.contains("id=\"sensors\"") && page.contains("before the models"));
    let (told, table, page, data) = run("/nonexistent.so");
    if !std::path::Path::new("/sys/class/powercap/intel-rapl:0").exists() {
        assert!(!told.contains("idle machine") && !table.contains("idle power:"), "{told}{table}");
        assert_eq!(data["analysis"]["idle"], Value::Array(vec![]));
        assert!(page.contains("this machine has no readable power or energy sensor"));
    }
}

#[test]
fn memory_of_the_run_is_told_apart_from_that_of_others() {
    let (_, data) = run("own,no-ecc");
    assert!(
        telemetry(&data)
            .iter()
            .all(|found| found["device_memory_own_bytes"] == 1_u64 << 30 && found["contended"] == false)
    );
    let device = &data["readings"][0]["readings"][0]["devices"][0];
    assert_eq!(
        (&device["processes"][0]["bytes"], &device["processes"][0]["own"]),
        (&(1_u64 << 30).into(), &true.into())
    );
    assert_eq!(
        (&device["uncorrected_errors"], &device["unread"]["uncorrected_errors"]),
        (&Value::Null, &"not supported".into())
    );
}

#[test]
fn others_on_the_device_and_heat_are_told() {
    let (table, data) = run("foreign");
    assert!(telemetry(&data).iter().all(|found| found["contended"] == true));
    assert!(table.contains("other processes used an accelerator during 1 sample"), "{table}");
    let (table, _) = run("throttled");
    assert!(
        table.contains("accelerators were throttled during 1 sample: hw thermal slowdown, sw power cap"),
        "{table}"
    );
}

#[test]
fn without_a_driver_there_are_reasons_and_memory_of_the_machine() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", SUITE);
    let output =
        workspace.command(["run", "suite.toml"]).env("VIDBENCH_NVML", "/nonexistent.so").output().unwrap();
    assert!(output.status.success());
    let data = workspace.export();
    for found in telemetry(&data) {
        assert_eq!(found["device_joules"]["not_available"]["reason"], "no accelerator was read");
        assert!(found["memory_used_bytes"]["value"].as_f64().unwrap() > 1e6);
    }
}

#[test]
fn doctor_says_which_sensors_there_are() {
    let workspace = Workspace::new();
    let doctor = |library: &str| {
        let output = workspace.command(["doctor"]).env("VIDBENCH_NVML", library).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(doctor(&example("libfake_nvml.so")).contains("Fake H100"));
    let told = doctor("/nonexistent.so");
    assert!(told.contains("the driver library (NVML) does not respond"), "{told}");
}

#[test]
fn no_reading_is_taken_when_none_is_wanted() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", SUITE.replace("interval_secs = 0.3", "interval_secs = 0"));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 0);
    assert!(telemetry(&workspace.export()).iter().all(|found| found.is_null()));
}
