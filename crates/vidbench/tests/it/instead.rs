//! A model with settings that need less memory stands in for one that runs out of memory.

use serde_json::Value;

use crate::main_job::samples;
use crate::workspace::{Said, Workspace, example, worker_suite};

/// The table of an example worker that does `fault` at seed 2.
fn model(id: &str, fault: &str, more: &str) -> String {
    let (worker, seed) = (example("shapes_worker"), if fault == "none" { "0" } else { "2" });
    format!(
        "[[models]]\nid = {id:?}\nengine = \"worker\"\ncommand = [{worker:?}, {fault:?}, {seed:?}]\n{more}\n"
    )
}

/// The table of a stand-in whose name differs from the model it runs.
fn instead(id: &str, fault: &str, first: &str, settings: &str) -> String {
    let more = format!("model = \"rendered-shapes\"\ninstead_of = {first:?}\nsettings = {{ {settings} }}");
    model(id, fault, &more)
}

/// Two prompts with seeds 1 and 2.
fn suite(models: &[String], more: &str) -> String {
    let one = worker_suite("[1, 2]", "none", 0, "");
    let (head, rest) = one.split_once("[[models]]").unwrap();
    let (_, tail) = rest.split_once("[prompts]").unwrap();
    format!("{head}{}[prompts]{tail}\n{more}\n", models.concat())
}

fn run(workspace: &Workspace, suite: &str) -> (Said, Value) {
    workspace.write("suite.toml", suite);
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    (said, workspace.export())
}

/// Outcomes of a model's samples, in the order of the plan.
fn outcomes<'d>(data: &'d Value, model: &str) -> Vec<&'d str> {
    let of_model = samples(data).iter().filter(|sample| sample["model"] == model);
    of_model.map(|sample| sample["verdict"]["outcome"].as_str().unwrap()).collect()
}

fn loaded(data: &Value) -> Vec<&str> {
    let models = data["sessions"][0]["models"].as_array().unwrap();
    models.iter().map(|model| model["model"]["id"].as_str().unwrap()).collect()
}

#[test]
fn only_samples_that_ran_out_of_memory_are_made_and_as_another_configuration() {
    let workspace = Workspace::new();
    let models = [
        model("rendered-shapes", "out-of-memory", ""),
        instead("small", "none", "rendered-shapes", "busy_millis = 1"),
    ];
    let (said, data) = run(&workspace, &suite(&models, ""));
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert_eq!(outcomes(&data, "rendered-shapes"), ["ok", "ok", "out_of_memory", "out_of_memory"]);
    assert_eq!(outcomes(&data, "small"), ["not_needed", "not_needed", "ok", "ok"]);
    assert_eq!(loaded(&data), ["rendered-shapes", "small"]);
    assert!(said.stdout.starts_with("VALID WITH FAILURES"), "{}", said.stdout);
    assert!(
        said.stdout.contains("small generated 2 of them in its place: it is a different configuration"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("4 of 8 samples ok, 2 failed, 2 not needed"), "{}", said.stdout);
    assert!(said.stdout.contains("2 of 6 samples failed (2 out_of_memory)"), "{}", said.stdout);
    assert!(said.stderr.contains("small, if rendered-shapes runs out of memory"), "{}", said.stderr);

    let report = workspace.run(["report", "latest", "--output", "report.html"]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    let page = std::fs::read_to_string(workspace.path().join("report.html")).unwrap();
    assert_eq!(page.matches("<p class=\"none\">not needed</p>").count(), 2);
}

#[test]
fn a_model_that_is_too_large_to_be_loaded_is_replaced_altogether() {
    let large = model("rendered-shapes", "none", "settings = { memory_mib = 400 }");
    let models = [large, instead("small", "none", "rendered-shapes", "memory_mib = 10")];
    let (said, data) = run(&Workspace::new(), &suite(&models, "[pool]\nhost_mib = 300"));
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert_eq!(outcomes(&data, "rendered-shapes"), ["out_of_memory"; 4]);
    assert_eq!(outcomes(&data, "small"), ["ok"; 4]);
    assert!(said.stderr.contains("a fallback model takes over its samples"), "{}", said.stderr);
    assert!(said.stdout.starts_with("VALID WITH FAILURES"), "{}", said.stdout);
}

#[test]
fn where_memory_suffices_the_other_is_never_loaded_and_shown_nowhere() {
    let models = [
        model("rendered-shapes", "none", ""),
        instead("small", "none", "rendered-shapes", "busy_millis = 1"),
    ];
    let (said, data) = run(&Workspace::new(), &suite(&models, ""));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(outcomes(&data, "small"), ["not_needed"; 4]);
    assert_eq!(loaded(&data), ["rendered-shapes"]);
    assert!(said.stdout.starts_with("VALID ") && !said.stdout.contains("small"), "{}", said.stdout);
    let of_small = samples(&data).iter().find(|sample| sample["model"] == "small").unwrap();
    assert_eq!(of_small["verdict"]["reason"], "rendered-shapes did not run out of memory on it");
}

/// The second model runs out of memory too.
#[test]
fn one_may_be_instead_of_one_that_is_instead_of_another() {
    let models = [
        model("rendered-shapes", "out-of-memory", ""),
        instead("small", "out-of-memory", "rendered-shapes", "busy_millis = 1"),
        instead("smallest", "none", "small", "busy_millis = 2"),
    ];
    let (said, data) = run(&Workspace::new(), &suite(&models, ""));
    assert!(said.stdout.starts_with("VALID WITH FAILURES"), "{}", said.stdout);
    assert_eq!(outcomes(&data, "small"), ["not_needed", "not_needed", "out_of_memory", "out_of_memory"]);
    assert_eq!(outcomes(&data, "smallest"), ["not_needed", "not_needed", "ok", "ok"]);
}

/// A stand-in's sample is undecided until the first model has finished its own.
#[test]
fn what_a_model_has_still_to_make_is_left_open_and_decided_when_the_run_goes_on() {
    let workspace = Workspace::new();
    let first = model("rendered-shapes", "fails@1", "");
    let models = [first, instead("small", "none", "rendered-shapes", "busy_millis = 1")];
    let (said, data) =
        run(&workspace, &suite(&models, "").replace("[limits]", "[limits]\nmax_consecutive_failures = 1"));
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert_eq!(outcomes(&data, "rendered-shapes"), ["ok", "ok", "internal"]);
    assert_eq!(outcomes(&data, "small"), ["not_needed"; 3], "the one that failed did not run out of memory");
    let resumed = workspace.run(["run", "--resume", "latest", "--progress", "plain"]);
    assert_eq!(resumed.code, 1, "{}", resumed.stderr);
    let data = workspace.export();
    assert_eq!(outcomes(&data, "rendered-shapes"), ["ok", "ok", "internal", "ok"]);
    assert_eq!(outcomes(&data, "small"), ["not_needed"; 4]);
}

/// One model runs with several settings, each under a name of its own.
#[test]
fn one_model_has_several_names_and_the_same_settings_only_once() {
    let workspace = Workspace::new();
    let named = |id, settings| {
        model(id, "none", &format!("model = \"rendered-shapes\"\nsettings = {{ {settings} }}"))
    };
    let (said, data) =
        run(&workspace, &suite(&[named("quick", "busy_millis = 1"), named("slow", "busy_millis = 2")], ""));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!((outcomes(&data, "quick"), outcomes(&data, "slow")), (vec!["ok"; 4], vec!["ok"; 4]));

    workspace.write(
        "suite.toml",
        suite(&[named("quick", "busy_millis = 1"), named("slow", "busy_millis = 1")], ""),
    );
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("models quick and slow are the same model with the same settings"),
        "{}",
        said.stderr
    );

    workspace.write(
        "suite.toml",
        suite(&[named("quick", "busy_millis = 1"), instead("slow", "none", "quik", "busy_millis = 2")], ""),
    );
    let said = workspace.run(["run", "suite.toml"]);
    assert!(
        said.stderr.contains("`instead_of` of model slow names quik, which is not listed before it"),
        "{}",
        said.stderr
    );
}
