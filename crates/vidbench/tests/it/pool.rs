//! Several models in one run: the order of their work, which stay loaded, and what runs in parallel.

use serde_json::Value;

use crate::main_job::samples;
use crate::workspace::{Said, Workspace, example, worker_suite};

/// A model of the example worker: its settings, and the seed at which it commits the fault.
struct Model {
    name: &'static str,
    settings: &'static str,
    fault: (&'static str, u64),
}

fn model(name: &'static str, settings: &'static str) -> Model {
    Model { name, settings, fault: ("none", 0) }
}

/// Two prompts with the given seeds for each of `models`; `more` is added to the suite.
fn suite(models: &[Model], seeds: &str, more: &str) -> String {
    let one = worker_suite(seeds, "none", 0, "");
    let (head, rest) = one.split_once("[[models]]").unwrap();
    let (_, tail) = rest.split_once("[prompts]").unwrap();
    let worker = example("shapes_worker");
    let tables = models.iter().map(|Model { name, settings, fault: (fault, seed) }| {
        format!(
            "[[models]]\nid = {name:?}\nengine = \"worker\"\ncommand = [{worker:?}, {fault:?}, \"{seed}\"]\n\
             settings = {{ {settings} }}\n"
        )
    });
    format!("{head}{}[prompts]{tail}\n{more}\n", tables.collect::<String>())
}

fn run(suite: &str) -> (Workspace, Said, Value) {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite);
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    let data = workspace.export();
    (workspace, said, data)
}

/// Names of models in the order in which their samples were made.
fn order(data: &Value) -> Vec<&str> {
    let mut made: Vec<(u64, &str)> = samples(data)
        .iter()
        .filter_map(|sample| {
            let sent_ns = sample["generation"]["timing"]["sent_ns"].as_u64()?;
            Some((sent_ns, sample["model"].as_str().unwrap()))
        })
        .collect();
    made.sort_unstable();
    made.into_iter().map(|(_, model)| model).collect()
}

/// Loads, hits and evictions of a session, counted `back` sessions before the last.
fn pool(data: &Value, back: usize) -> (u64, u64, u64) {
    let sessions = data["sessions"].as_array().unwrap();
    let pool = &sessions[sessions.len() - 1 - back]["ledger"]["pool"];
    let count = |key: &str| pool[key].as_u64().unwrap();
    (count("loads"), count("hits"), count("evictions"))
}

fn videos(data: &Value) -> Vec<&Value> {
    samples(data).iter().map(|sample| &sample["generation"]["artifact_sha256"]).collect()
}

const INTERLEAVED: &str = "[scenario]\nwarmup = 0\norder = \"interleaved\"";

fn interleaved(suite: &str) -> String {
    suite.replace("[scenario]\nwarmup = 0", INTERLEAVED)
}

#[test]
fn interleaved_models_take_turns_stay_loaded_and_make_the_same_videos() {
    let models = [model("rendered-shapes-a", ""), model("rendered-shapes-b", "")];
    let one_by_one = suite(&models, "[1, 2]", "");
    let (_, said, by_model) = run(&one_by_one);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(pool(&by_model, 0), (2, 0, 0));
    let (_, said, by_turns) = run(&interleaved(&one_by_one));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(order(&by_turns), ["rendered-shapes-a", "rendered-shapes-b"].repeat(4));
    assert_eq!(pool(&by_turns, 0), (2, 6, 0));
    assert_eq!(videos(&by_turns), videos(&by_model));
}

#[test]
fn models_that_do_not_fit_together_are_loaded_once_each_all_the_same() {
    let big = "memory_mib = 300";
    let models = [model("rendered-shapes-a", big), model("rendered-shapes-b", big)];
    let (_, said, data) = run(&interleaved(&suite(&models, "[1, 2]", "[pool]\nhost_mib = 500")));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let expected = ["rendered-shapes-a"; 4].into_iter().chain(["rendered-shapes-b"; 4]);
    assert_eq!(order(&data), expected.collect::<Vec<_>>());
    assert_eq!(pool(&data, 0).0, 2);
    let footprint = data["sessions"][0]["models"][0]["footprint"]["host_bytes"].as_u64().unwrap();
    assert!((300 << 20..500 << 20).contains(&footprint), "{footprint}");
}

/// The driver, simulated by the tests, lists 30 GiB for each worker; the workers themselves report nothing.
#[test]
fn memory_on_an_accelerator_is_what_the_driver_lists_for_a_worker() {
    let busy = "busy_millis = 200";
    let models = [model("rendered-shapes-a", busy), model("rendered-shapes-b", busy)];
    let more = "[pool]\ndevice_mib = 40960\n[telemetry]\ninterval_secs = 0.005\nidle_secs = 0";
    let workspace = Workspace::new();
    workspace.write("suite.toml", interleaved(&suite(&models, "[1, 2]", more)));
    let mut run = workspace.command(["run", "suite.toml", "--progress", "plain"]);
    let output =
        run.env("VIDBENCH_NVML", example("libfake_nvml.so")).env("FAKE_NVML", "workers").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let data = workspace.export();
    let loaded = data["sessions"][0]["models"].as_array().unwrap();
    assert!(loaded.iter().all(|model| model["footprint"]["device_bytes"] == 30_u64 << 30), "{loaded:?}");
    let together = ["rendered-shapes-a", "rendered-shapes-b"].repeat(4);
    assert_ne!(order(&data), together, "two workers of 30 GiB do not fit into 40 GiB");
}

/// The model's breaker is open, so it waits while loaded; another model needs the memory; then the first one resumes.
#[test]
fn a_model_that_waits_makes_room_for_one_that_works() {
    let models = [
        Model { fault: ("fails@1", 1), ..model("rendered-shapes-a", "memory_mib = 300") },
        model("rendered-shapes-b", "memory_mib = 300"),
    ];
    let more = "[pool]\nhost_mib = 500";
    let suite = suite(&models, "[1]", more)
        .replace("reopenings = 0", "reopenings = 2\nopen_secs = 0.2")
        .replace("[limits]", "[limits]\nmax_consecutive_failures = 1")
        .replace("attempts = 1", "attempts = 2");
    let (_, said, data) = run(&suite);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(pool(&data, 0), (3, 0, 1), "{}", said.stderr);
}

#[test]
fn a_model_that_needs_more_than_all_may_have_is_given_up_and_the_others_go_on() {
    let models = [model("rendered-shapes-a", "memory_mib = 400"), model("rendered-shapes-b", "")];
    let (_, said, data) = run(&suite(&models, "[1]", "[pool]\nhost_mib = 300"));
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert_eq!(order(&data), ["rendered-shapes-b"; 2]);
    let reason = data["sessions"][0]["given_up"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("MiB of main memory") && reason.contains("pool.host_mib = 300"), "{reason}");
}

#[test]
fn one_that_runs_out_of_memory_beside_an_idle_one_is_tried_again_without_it() {
    let models = [
        model("rendered-shapes-a", ""),
        Model { fault: ("out-of-memory@1", 1), ..model("rendered-shapes-b", "") },
    ];
    let (_, said, data) = run(&interleaved(&suite(&models, "[1, 2]", "")));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let attempts: Vec<&Value> =
        samples(&data).iter().filter_map(|sample| sample["attempts"].as_array()).flatten().collect();
    assert_eq!(attempts.len(), 1, "the attempt that failed is kept");
    assert_eq!(attempts[0]["outcome"], "out_of_memory");
    assert_eq!(pool(&data, 0).2, 1);
}

#[test]
fn a_device_that_is_lost_again_and_again_is_left_alone_with_all_its_models() {
    let lost = || ("device-lost", 1);
    let on = "device = \"cuda:0\"";
    let models = [
        Model { fault: lost(), ..model("rendered-shapes-a", on) },
        model("rendered-shapes-b", "device = \"cpu\""),
    ];
    let suite = suite(&models, "[1]", "").replace("attempts = 1", "attempts = 9\nbase_secs = 0.0");
    let (workspace, said, data) = run(&suite);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert_eq!(order(&data), ["rendered-shapes-b"; 2]);
    let reason = data["sessions"][0]["given_up"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "cuda:0 failed 3 times and will not be used again in this session");
    // A new session tries again.
    workspace.run(["run", "--resume", "latest"]);
    assert_eq!(workspace.export()["sessions"][1]["given_up"].as_array().unwrap().len(), 1);
}

/// The lines of the run's log that report files made and verdicts given, in order.
fn events(workspace: &Workspace) -> Vec<String> {
    let logs = std::fs::read_dir(workspace.path().join(".vidbench/logs")).unwrap();
    let text: String = logs.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let message = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = line["fields"]["message"].as_str().or(line["message"].as_str()).unwrap_or("").to_owned();
        text.split(':').next().unwrap_or("").to_owned()
    };
    text.lines().map(message).filter(|text| text == "generated" || text == "judged").collect()
}

/// Offline, with one scorer, for which four files may wait: the sixth file must wait for the first verdict.
fn offline(device: &str) -> Vec<String> {
    let settings: &'static str = format!("device = {device:?}").leak();
    let models = [model("rendered-shapes-a", settings)];
    let suite = suite(&models, "[1, 2, 3, 4, 5, 6]", "[pool]\nscorers = 1")
        .replace("[scenario]", "[scenario]\nkind = \"offline\"");
    let (workspace, said, data) = run(&suite);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let ledger = &data["sessions"][0]["ledger"];
    assert!(ledger["scorer_secs"].as_f64().unwrap() > 0.0, "{ledger}");
    events(&workspace)
}

#[test]
fn clips_are_scored_beside_an_accelerator() {
    let events = offline("cuda:0");
    let first_verdict = events.iter().position(|event| event == "judged").unwrap();
    let last_file = events.iter().rposition(|event| event == "generated").unwrap();
    assert!(first_verdict < last_file, "{events:?}");
    assert_eq!(events.len(), 24);
}

#[test]
fn nothing_is_scored_beside_a_model_on_the_processors() {
    let events = offline("cpu");
    let mut expected = vec!["generated"; 12];
    expected.extend(["judged"; 12]);
    assert_eq!(events, expected);
}

#[test]
fn turns_need_a_single_stream() {
    let workspace = Workspace::new();
    let suite = interleaved(&suite(&[model("rendered-shapes-a", "")], "[1]", ""))
        .replace("warmup = 0", "kind = \"offline\"");
    workspace.write("suite.toml", suite);
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("order `interleaved` needs scenario `single-stream`"), "{}", said.stderr);
}
