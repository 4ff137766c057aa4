//! Engine `diffusers` with the real worker, in the Python environment that VIDBENCH_TEST_PYTHON names: `make test-python`.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::main_job::samples;
use crate::workspace::{Said, Workspace};

fn python() -> PathBuf {
    PathBuf::from(
        std::env::var_os("VIDBENCH_TEST_PYTHON").expect("VIDBENCH_TEST_PYTHON names a virtual environment"),
    )
}

/// A workspace whose `diffusers` environment is the one for tests.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    let env = workspace.path().join("envs/diffusers");
    std::fs::create_dir_all(&env).unwrap();
    symlink(python(), env.join("venv")).unwrap();
    let record = r#"{"name": "diffusers", "python": "3", "diffusers": "test", "torch": "test", "extra": []}"#;
    std::fs::write(env.join("environment.json"), record).unwrap();
    workspace
}

fn command(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = workspace.command(args);
    command.env("VIDBENCH_ENVS", workspace.path().join("envs")).env("HF_HUB_OFFLINE", "1");
    command
}

fn run(workspace: &Workspace, args: &[&str]) -> Said {
    Said::from(command(workspace, args).output().unwrap())
}

fn suite(models: &str, more: &str) -> String {
    format!(
        "schema_version = 1\nname = \"tiny\"\nseeds = [1]\nmetrics = [\"temporal_flickering@1\"]\n{models}\n{more}\n\
         [grid]\nsteps = [2]\nguidance = [3.0]\nframes = [9]\nsize = [\"32x32\"]\nfps = [8.0]\n[scenario]\nwarmup = 0\nthreads = 1\n"
    )
}

/// Outcome and reason of each sample of a suite with these models.
fn outcomes(workspace: &Workspace, models: &str, more: &str) -> Vec<(String, String)> {
    workspace.write("suite.toml", suite(models, more));
    let said = run(workspace, &["run", "suite.toml", "--progress", "plain"]);
    assert!(said.code <= 1 || said.code == 3, "{}", said.stderr);
    let data = workspace.export();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    samples(&data)
        .iter()
        .map(|sample| (text(&sample["verdict"]["outcome"]), text(&sample["verdict"]["reason"])))
        .collect()
}

const PROMPTS: &str = "[prompts]\nsuite = \"core-t2v\"\nlimit = 1";

fn model(id: &str, settings: &str) -> String {
    format!("[[models]]\nid = \"{id}\"\nengine = \"diffusers\"\nsettings = {{ {settings} }}")
}

#[test]
#[ignore = "needs VIDBENCH_TEST_PYTHON"]
fn diffusers_models_are_measured_and_random_weights_are_not_scored() {
    let workspace = workspace();
    let random = "weights = \"random\", scale = \"tiny\", class_name = \"WanPipeline\"";
    let models =
        [model("tiny/LTXPipeline", ""), model("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", random)].join("\n");
    let found = outcomes(&workspace, &models, PROMPTS);
    assert_eq!(found, [("ok".to_owned(), String::new()), ("ok".to_owned(), String::new())]);
    let data = workspace.export();
    for sample in samples(&data) {
        let score = &sample["verdict"]["scores"][0]["score"];
        let reason = score["not_available"]["reason"].as_str().unwrap();
        assert!(reason.contains("random weights"), "{score}");
        let stages = sample["generation"]["timing"]["stages"].as_array().unwrap();
        let names: Vec<&str> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["client_wait", "submit", "text_encode", "denoise", "vae_decode", "encode"]);
    }
}

#[test]
#[ignore = "needs VIDBENCH_TEST_PYTHON"]
fn diffusers_makes_videos_of_images_that_prompts_name() {
    let workspace = workspace();
    let pixels: Vec<u8> = (0..32 * 32 * 3).map(|at| (at % 251) as u8).collect();
    workspace.write("boat.ppm", [b"P6 32 32 255\n".as_slice(), &pixels].concat());
    let prompt = |inputs: &str| {
        format!(
            "schema_version = 1\nname = \"p\"\nversion = \"1\"\ntitle = \"P\"\ndescription = \"One.\"\nlicense = \"CC0-1.0\"\n\
             [[prompts]]\nid = \"p-1\"\ncategory = \"subject-motion\"\ndifficulty = \"easy\"\ntext = \"a boat\"\n{inputs}\n"
        )
    };
    let models = [model("tiny/WanImageToVideoPipeline", ""), model("tiny/WanPipeline", "")].join("\n");
    workspace.write("prompts.toml", prompt("inputs = { image = \"boat.ppm\" }"));
    let found = outcomes(&workspace, &models, "[prompts]\nfile = \"prompts.toml\"");
    assert_eq!(found[0], ("ok".to_owned(), String::new()));
    assert_eq!(found[1].0, "unsupported", "{found:?}");
    assert!(found[1].1.contains("takes no image"), "{found:?}");
    workspace.write("prompts.toml", prompt("inputs = { image = \"nothing.ppm\" }"));
    let said = run(&workspace, &["run", "suite.toml"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("nothing.ppm cannot be read"), "{}", said.stderr);
}

#[test]
#[ignore = "needs VIDBENCH_TEST_PYTHON"]
fn diffusers_refuses_what_cannot_be_loaded_and_the_run_goes_on() {
    let workspace = workspace();
    let models = [
        model("someone/model-that-is-not-here", ""),
        model("someone/other", "weights = \"random\", scale = \"tiny\", class_name = \"WanPipelinee\""),
        model("tiny/WanPipeline", "dtype = \"float8\""),
        model("tiny/LTXPipeline", ""),
    ]
    .join("\n");
    let found = outcomes(&workspace, &models, PROMPTS);
    assert_eq!(found, [("ok".to_owned(), String::new())], "only the last is loaded");
    let data = workspace.export().to_string();
    for words in ["is not in the cache", "did you mean", "float8"] {
        assert!(data.contains(words), "{words}: {data}");
    }
}

#[test]
#[ignore = "needs VIDBENCH_TEST_PYTHON"]
fn diffusers_knows_its_settings_before_anything_is_loaded() {
    let workspace = workspace();
    for (models, problem) in [
        (model("tiny/WanPipelin", ""), "unknown tiny pipeline \"WanPipelin\""),
        (model("tiny/WanPipeline", "ofload = \"model\""), "does not support setting \"ofload\""),
    ] {
        workspace.write("suite.toml", suite(&models, PROMPTS));
        let said = run(&workspace, &["run", "suite.toml", "--dry-run"]);
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains(problem) && said.stderr.contains("did you mean"), "{}", said.stderr);
    }
}

#[test]
#[ignore = "needs VIDBENCH_TEST_PYTHON"]
fn diffusers_worker_keeps_the_protocol() {
    let workspace = workspace();
    let python = python().join("bin/python").to_string_lossy().into_owned();
    let shape = ["--model", "tiny/WanPipeline", "--frames", "9", "--size", "32x32", "--timeout", "300"];
    let args =
        [["worker", "check"].as_slice(), &shape, &["--", &python, "-m", "vidbench_diffusers"]].concat();
    let said = run(&workspace, &args);
    assert_eq!(said.code, 0, "{}", said.stdout);
}

#[test]
#[ignore = "needs VIDBENCH_TEST_PYTHON"]
fn diffusers_classes_are_checked() {
    let workspace = workspace();
    let args = ["models", "check", "WanPipeline", "LTX2Pipeline", "--json", "--evidence", "evidence.toml"];
    let said = run(&workspace, &args);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(found[0]["reached"], "generated");
    let evidence = std::fs::read_to_string(workspace.path().join("evidence.toml")).unwrap();
    assert!(evidence.contains("class = \"LTX2Pipeline\""), "{evidence}");
}

#[test]
#[ignore = "needs VIDBENCH_TEST_PYTHON"]
fn diffusers_checks_of_parts_are_kept_for_the_user() {
    let workspace = workspace();
    let said = run(&workspace, &["models", "check", "WanPipeline/gguf", "Remade-AI/Crush"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("ok    WanImageToVideoPipeline/lora"), "{}", said.stdout);
    let evidence = std::fs::read_to_string(workspace.path().join("catalogue/evidence.toml")).unwrap();
    assert!(evidence.contains("part = \"gguf\""), "{evidence}");
}
