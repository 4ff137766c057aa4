//! Engine `import`: existing videos are a model's samples, and have no latency.

use serde_json::Value;

use crate::main_job::samples;
use crate::workspace::{Said, Workspace};

fn workspace(videos: &str) -> Workspace {
    let workspace = Workspace::new();
    let prompts = |text: &str, id: &str| {
        format!(
            "[[prompts]]\nid = \"{id}\"\ncategory = \"subject-motion\"\ndifficulty = \"easy\"\ntext = {text:?}\n"
        )
    };
    let head = "schema_version = 1\nname = \"p\"\nversion = \"1\"\ntitle = \"P\"\ndescription = \"One.\"\nlicense = \"CC0-1.0\"\n";
    workspace
        .write("prompts.toml", head.to_owned() + &prompts("a red fox", "fox") + &prompts("a boat", "boat"));
    let suite = format!(
        r#"schema_version = 1
name = "old videos"
seeds = [0, 1]
metrics = ["temporal_flickering@1"]
[[models]]
id = "somebody/model"
engine = "import"
videos = {videos:?}
[prompts]
file = "prompts.toml"
[grid]
steps = [1]
guidance = [1.0]
frames = [3]
size = ["16x16"]
fps = [8.0]
[scenario]
warmup = 0
"#
    );
    workspace.write("suite.toml", suite);
    std::fs::create_dir(workspace.path().join("old")).unwrap();
    workspace
}

/// Three frames that differ in brightness.
fn video(shade: u8) -> Vec<u8> {
    let frames = (0..3_u8).flat_map(|at| [b"FRAME\n".as_slice(), &[shade + 20 * at; 256]].concat());
    b"YUV4MPEG2 W16 H16 F8:1 Ip A1:1 Cmono\n".iter().copied().chain(frames).collect()
}

fn run(workspace: &Workspace) -> (Said, Value) {
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    let data = workspace.export();
    (said, data)
}

fn outcomes(data: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |sample: &Value| (text(&sample["verdict"]["outcome"]), text(&sample["verdict"]["reason"]));
    samples(data).iter().map(of).collect()
}

#[test]
fn a_folder_is_read_by_its_names_and_has_no_latency() {
    let workspace = workspace("old");
    for (name, shade) in [("a red fox-0.y4m", 30), ("a red fox-1.y4m", 60), ("a boat-0.y4m", 90)] {
        workspace.write(&format!("old/{name}"), video(shade));
    }
    let (said, data) = run(&workspace);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let found = outcomes(&data);
    assert_eq!(found.iter().filter(|(outcome, _)| outcome == "ok").count(), 3, "{found:?}");
    let missing = found.iter().find(|(outcome, _)| outcome != "ok").unwrap();
    assert!(missing.1.contains("no video of this prompt and seed 1"), "{missing:?}");
    for sample in samples(&data) {
        assert!(sample["latency_secs"].is_null() && sample["service_secs"].is_null(), "{sample}");
    }
    let group = &data["analysis"]["groups"][0];
    assert!(
        group["latency"].is_null()
            && group["throughput"].is_null()
            && group["stages"] == Value::Array(vec![]),
        "{group}"
    );
    assert!(group["metrics"][0]["mean"].is_f64(), "{group}");
    let csv = workspace.run(["export", "latest", "--format", "csv"]).stdout;
    assert!(csv.lines().nth(1).unwrap().contains(",ok,,,,,3,16,16,8,"), "{csv}");
}

#[test]
fn a_manifest_names_seeds_and_hashes() {
    let workspace = workspace("old/manifest.jsonl");
    workspace.write("old/x.y4m", video(30));
    workspace.write("old/y.y4m", video(60));
    let wrong = "0".repeat(64);
    let lines = [
        r#"{"file": "x.y4m", "prompt": "a red fox", "seed": 1, "index": 0, "model": "somebody/model"}"#
            .to_owned(),
        r#"{"file": "y.y4m", "prompt": "a boat", "index": 0}"#
            .replace("}", &format!(", \"sha256\": \"{wrong}\"}}")),
    ];
    workspace.write("old/manifest.jsonl", lines.join("\n"));
    let (_, data) = run(&workspace);
    let found = outcomes(&data);
    assert_eq!(found.iter().filter(|(outcome, _)| outcome == "ok").count(), 1, "{found:?}");
    assert!(found.iter().any(|(_, why)| why.contains("is not the file in the manifest")), "{found:?}");
}

#[test]
fn what_is_not_there_is_named_before_the_run() {
    let nowhere = workspace("nowhere");
    let said = nowhere.run(["run", "suite.toml", "--dry-run"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("nowhere cannot be read"), "{}", said.stderr);

    let folder = workspace("old");
    folder.write("old/a green fox-0.y4m", video(30));
    let said = folder.run(["run", "suite.toml", "--dry-run"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("has none of the videos for model somebody/model"), "{}", said.stderr);

    folder.write("old/a red fox-1.y4m", video(30));
    let said = folder.run(["run", "suite.toml", "--dry-run"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let told = "has no video for 3 of 4 samples, such as prompt fox and seed 0";
    assert!(said.stdout.contains(told), "{}", said.stdout);
}
