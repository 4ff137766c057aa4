//! Engine `command`: any program as a model, and everything that a program can do wrong.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::main_job::samples;
use crate::workspace::{Said, Workspace};

/// Writes four frames of noise to the path it is given, and the prompt beside it.
const PAINT: &str = r#"printf 'YUV4MPEG2 W16 H16 F8:1 Ip A1:1 Cmono\n' > "$1"
for i in 1 2 3 4; do printf 'FRAME\n' >> "$1"; head -c 256 /dev/urandom >> "$1"; done
printf %s "$2" > said"#;

fn suite(argv: &Value, more: &str) -> String {
    format!(
        r#"schema_version = 1
name = "programs"
seeds = [1, 2]
metrics = ["temporal_flickering@1"]

[[models]]
id = "painter"
engine = "command"
[models.program]
argv = {argv}
{more}

[prompts]
file = "prompts.toml"

[grid]
steps = [1]
guidance = [1.0]
frames = [4]
size = ["16x16"]
fps = [8.0]

[scenario]
warmup = 0

[retry]
attempts = 1

[breaker]
reopenings = 0
"#
    )
}

const PROMPT: &str = "a 'boat'; touch pwned $(touch pwned) `touch pwned`";

fn workspace(argv: &Value, more: &str) -> Workspace {
    let workspace = Workspace::new();
    let prompts = format!(
        "schema_version = 1\nname = \"p\"\nversion = \"1\"\ntitle = \"P\"\ndescription = \"One.\"\nlicense = \"CC0-1.0\"\n\
         [[prompts]]\nid = \"p-1\"\ncategory = \"subject-motion\"\ndifficulty = \"easy\"\ntext = {PROMPT:?}\n"
    );
    workspace.write("prompts.toml", prompts);
    workspace.write("suite.toml", suite(argv, more));
    workspace
}

fn script(text: &str) -> Value {
    json!(["sh", "-c", text, "sh", "{output}", "{prompt}"])
}

fn run(workspace: &Workspace) -> Said {
    workspace.run(["run", "suite.toml", "--progress", "plain"])
}

fn reasons(workspace: &Workspace) -> Vec<(String, String)> {
    let data = workspace.export();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    samples(&data)
        .iter()
        .map(|sample| (text(&sample["verdict"]["outcome"]), text(&sample["verdict"]["reason"])))
        .collect()
}

/// Checks that both samples fail alike and that the run reaches its end.
#[track_caller]
fn check(text: &str, more: &str, outcome: &str, words: &str) {
    let workspace = workspace(&script(text), more);
    let said = run(&workspace);
    assert_eq!(said.code, 1, "{}", said.stderr);
    for (found, reason) in reasons(&workspace) {
        assert_eq!(found, outcome, "{reason}");
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn a_program_is_a_model_and_a_prompt_is_never_a_command() {
    let workspace = workspace(&script(PAINT), "");
    let said = run(&workspace);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(workspace.path().join("said")).unwrap(), PROMPT);
    assert!(!workspace.path().join("pwned").exists());
    let data = workspace.export();
    let sample = &samples(&data)[0];
    assert!(sample["verdict"]["scores"][0]["score"]["value"].is_f64(), "{sample}");
    let stages = sample["generation"]["timing"]["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["client_wait", "submit", "unattributed", "encode"]);
}

/// The program hangs once, like one whose first call loads a model.
#[test]
fn a_warm_up_that_takes_too_long_costs_no_sample() {
    let slow_once = format!("if ! test -e warm; then touch warm; sleep 30; fi\n{PAINT}");
    let workspace = workspace(&script(&slow_once), "timeout_secs = 1");
    let suite = std::fs::read_to_string(workspace.path().join("suite.toml")).unwrap();
    workspace.write("suite.toml", suite.replace("warmup = 0", "warmup = 1"));
    let said = run(&workspace);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("the program had not ended after 1 s"), "{}", said.stderr);
    assert!(reasons(&workspace).iter().all(|(outcome, _)| outcome == "ok"), "{:?}", reasons(&workspace));
}

#[test]
fn a_program_that_is_not_told_the_prompt_is_not_judged_by_it() {
    let blind = json!(["sh", "-c", PAINT, "sh", "{output}", "anything"]);
    for (argv, why) in [(script(PAINT), "outside the shapes grammar"), (blind, "and there is none")] {
        let workspace = workspace(&argv, "");
        let suite = std::fs::read_to_string(workspace.path().join("suite.toml")).unwrap();
        workspace.write("suite.toml", suite.replace("temporal_flickering@1", "shape_adherence@1"));
        assert_eq!(run(&workspace).code, 0);
        for sample in samples(&workspace.export()) {
            let reason = sample["verdict"]["scores"][0]["score"]["not_available"]["reason"]
                .as_str()
                .unwrap_or_default();
            assert!(reason.contains(why), "{sample}");
        }
    }
}

#[test]
fn a_program_gets_the_files_that_a_prompt_names_and_makes_nothing_without_them() {
    let script = format!("test -s \"$3\" || exit 9\n{PAINT}");
    let argv = json!(["sh", "-ec", script, "sh", "{output}", "{prompt}", "{image}"]);
    let workspace = workspace(&argv, "");
    let without = run(&workspace);
    assert_eq!(without.code, 2, "{}", without.stderr);

    workspace.write("it's a boat.png", "P");
    let prompts = std::fs::read_to_string(workspace.path().join("prompts.toml")).unwrap();
    let with = format!("{prompts}inputs = {{ image = \"it's a boat.png\" }}\n");
    let second = &prompts[prompts.find("[[prompts]]").unwrap()..];
    workspace
        .write("prompts.toml", format!("{with}{}", second.replace("p-1", "p-2").replace("boat", "ship")));
    assert_eq!(run(&workspace).code, 1);
    let reason = "the program uses {image}, but the prompt provides none";
    let told = reasons(&workspace).iter().filter(|(_, said)| said.contains(reason)).count();
    assert_eq!(told, 2, "once for each seed: {:?}", reasons(&workspace));
    workspace.write("prompts.toml", with);
    assert_eq!(run(&workspace).code, 0, "{:?}", reasons(&workspace));

    workspace.write("suite.toml", suite(&json!(["sh", "-ec", PAINT, "sh", "{output}", "{prompt}"]), ""));
    assert_eq!(run(&workspace).code, 1);
    assert_eq!(reasons(&workspace)[0].0, "unsupported");
    assert!(reasons(&workspace)[0].1.contains("the program does not receive the prompt's image"));
}

/// A video that may have been made from another image than planned is no sample of the plan.
#[test]
fn an_image_that_changes_during_the_run_is_noticed_by_its_bytes() {
    let change = format!("{PAINT}\ncp \"$3\" kept; case $4 in 1) printf more >> \"$3\";; esac");
    let argv = json!(["sh", "-ec", change, "sh", "{output}", "{prompt}", "{image}", "{seed}"]);
    let workspace = workspace(&argv, "");
    workspace.write("image.png", "P");
    let prompts = std::fs::read_to_string(workspace.path().join("prompts.toml")).unwrap();
    workspace.write("prompts.toml", format!("{prompts}inputs = {{ image = \"image.png\" }}\n"));
    assert_eq!(run(&workspace).code, 1);
    let reasons = reasons(&workspace);
    let changed = |(outcome, why): &(String, String)| {
        outcome == "invalid_request" && why.contains("image.png has changed since the run was planned")
    };
    assert!(reasons.len() == 2 && reasons.iter().all(changed), "{reasons:?}");

    // The bytes count, not when they were written.
    let back = suite(
        &json!([
            "sh",
            "-ec",
            format!("{PAINT}\ncp \"$3\" copy; mv copy \"$3\""),
            "sh",
            "{output}",
            "{prompt}",
            "{image}"
        ]),
        "",
    );
    workspace.write("suite.toml", back);
    assert_eq!(run(&workspace).code, 0);
}

#[test]
fn a_video_is_found_by_its_pattern() {
    let argv = json!(["sh", "-c", PAINT, "sh", "{scratch}/deep-{seed}.y4m", "{prompt}"]);
    let workspace = workspace(&argv, "output = \"{scratch}/**/deep-*.y4m\"");
    let said = run(&workspace);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn a_program_that_fails_says_why() {
    check(
        "echo no checkpoint >&2; exit 3",
        "",
        "internal",
        "sh ended with exit status: 3; its last output: no checkpoint",
    );
    check(
        "echo torch.OutOfMemoryError: CUDA out of memory; exit 1",
        "",
        "out_of_memory",
        "CUDA out of memory",
    );
    check("kill -9 $$", "", "internal", "signal: 9");
}

#[test]
fn a_program_that_writes_no_video_is_told() {
    check("true", "", "internal", "succeeded but wrote no file");
    check("echo rubbish > \"$1\"", "", "decode_failed", "");
}

#[test]
fn two_videos_are_not_one() {
    let argv = json!(["sh", "-c", "touch \"$1/a.mp4\" \"$1/b.mp4\"", "sh", "{scratch}"]);
    let workspace = workspace(&argv, "output = \"{scratch}/*.mp4\"");
    assert_eq!(run(&workspace).code, 1);
    assert!(reasons(&workspace)[0].1.contains("2 files match"), "{:?}", reasons(&workspace));
}

#[test]
fn what_a_program_says_of_its_progress_is_in_the_log() {
    let text = format!("echo 'step 1/2: noise 0.7'; {PAINT}; echo 'step 2/2: noise 0.1' >&2");
    let workspace = workspace(&script(&text), "progress = '(?P<index>\\d+)/(?P<total>\\d+): noise'");
    assert_eq!(run(&workspace).code, 0);
    let lines = crate::log::log(&workspace).0;
    let said: Vec<&str> = lines
        .iter()
        .filter(|line| line["target"] == "vidbench::worker" && line["sample"] != "")
        .filter_map(|line| line["message"].as_str())
        .collect();
    assert_eq!(said, ["step 1 of 2", "step 2 of 2"].repeat(2), "of two samples");
}

/// Checks that every process whose id the program wrote into `pids` soon ends, once there are `count` ids.
#[track_caller]
fn all_end(workspace: &Workspace, count: usize) {
    let gone = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        // A zombie counts as ended; it only waits for its present parent to collect it.
        stat.map_or(true, |stat| {
            stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
        })
    };
    let pids = pids(workspace);
    assert_eq!(pids.len(), count, "{pids:?}");
    let began = Instant::now();
    while !pids.iter().all(|pid| gone(pid)) {
        assert!(began.elapsed() < Duration::from_secs(30), "{pids:?} live");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn pids(workspace: &Workspace) -> Vec<String> {
    let text = std::fs::read_to_string(workspace.path().join("pids")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_program_that_takes_too_long_is_ended_with_everything_it_started() {
    let text = "sleep 100 & echo $! >> pids; (sleep 100 & echo $! >> pids; wait)";
    let workspace = workspace(&script(text), "timeout_secs = 1");
    run(&workspace);
    let reasons = reasons(&workspace);
    assert!(
        reasons.iter().all(|(outcome, why)| outcome == "timeout" && why.contains("had not ended after 1 s")),
        "{reasons:?}"
    );
    all_end(&workspace, 2 * reasons.len());
}

/// Starts a process in a session of its own whose parent ends at once, as daemons do, and waits until it runs.
const DAEMON: &str = r#"before=$(cat pids 2>/dev/null | wc -l)
(setsid sh -c 'echo $$ >> pids; exec sleep 100' >/dev/null 2>&1 &)
while [ "$(cat pids 2>/dev/null | wc -l)" = "$before" ]; do sleep 0.01; done"#;

#[test]
fn a_daemon_of_a_program_is_ended_with_it() {
    let left = workspace(&script(&format!("{PAINT}\n{DAEMON}")), "timeout_secs = 20");
    assert_eq!(run(&left).code, 0);
    all_end(&left, reasons(&left).len());
    let late = workspace(&script(&format!("{DAEMON}\nsleep 100")), "timeout_secs = 1");
    assert_eq!(run(&late).code, 1);
    all_end(&late, reasons(&late).len());
}

/// Scripts end so to end what they have started.
#[test]
fn a_program_that_kills_its_group_does_not_kill_its_worker() {
    let text = format!("{PAINT}\ntrap 'trap \"\" TERM; kill 0; exit 0' EXIT");
    let workspace = workspace(&script(&text), "");
    let said = run(&workspace);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(!said.stderr.contains("attempt"), "{}", said.stderr);
}

#[test]
fn a_program_that_cannot_be_started_is_named() {
    let workspace = workspace(&json!(["./no-program", "{output}"]), "");
    workspace.write("no-program", "not even executable");
    assert_eq!(run(&workspace).code, 1);
    assert!(reasons(&workspace)[0].1.contains("no-program cannot be started"), "{:?}", reasons(&workspace));
}

#[test]
fn what_is_wrong_with_a_program_is_said_before_the_run() {
    for (argv, words) in [
        (json!(["paint", "{promt}", "{output}"]), "did you mean {prompt}?"),
        (json!(["paint", "{prompt}"]), "does not know where to write"),
        (json!(["bash", "-c", "paint '{prompt}' {output}"]), "could run anything"),
    ] {
        let workspace = workspace(&argv, "");
        let said = run(&workspace);
        assert_eq!(said.code, 2);
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
}

#[test]
fn a_program_that_never_stops_writing_is_ended_in_time_and_its_children_are() {
    check("yes rubbish >&2", "timeout_secs = 1", "timeout", "had not ended after 1 s");
    let left = format!("{PAINT}\nsleep 100 & echo $! >> pids; yes >&2 & echo $! >> pids");
    let workspace = workspace(&script(&left), "timeout_secs = 20");
    let said = run(&workspace);
    assert_eq!(said.code, 0, "{}", said.stderr);
    all_end(&workspace, 2 * reasons(&workspace).len());
}

#[test]
fn a_file_that_was_there_before_is_not_the_video_and_stays() {
    let workspace = workspace(&json!(["true"]), "output = \"*.mp4\"");
    let precious = workspace.write("precious.mp4", "mine");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(run(&workspace).code, 1);
    assert!(reasons(&workspace)[0].1.contains("wrote no file"), "{:?}", reasons(&workspace));
    assert_eq!(std::fs::read_to_string(precious).unwrap(), "mine");
}

#[test]
fn a_program_dies_with_a_harness_that_was_killed() {
    let workspace = workspace(&script(&format!("{DAEMON}\necho $$ >> pids; sleep 100")), "");
    let mut harness = workspace.command(["run", "suite.toml", "--progress", "none"]).spawn().unwrap();
    let began = Instant::now();
    while pids(&workspace).len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(60), "the program has not begun");
        std::thread::sleep(Duration::from_millis(20));
    }
    harness.kill().unwrap();
    harness.wait().unwrap();
    all_end(&workspace, 2);
}

#[test]
fn a_program_that_could_never_succeed_is_refused_before_the_run() {
    let refused = |argv: Value, more: &str, what: &str| {
        let workspace = workspace(&argv, more);
        let said = workspace.run(["run", "suite.toml", "--dry-run"]);
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains(what), "{}", said.stderr);
    };
    refused(
        json!(["paint-nothing", "{output}"]),
        "",
        "the program \"paint-nothing\" of model painter was not found",
    );
    refused(json!(["./paint", "{output}"]), "", "the program \"./paint\" of model painter was not found");
    refused(
        json!(["sh", "paint", "{output}"]),
        "cwd = \"nowhere\"",
        "should run in \"nowhere\", which is not a folder",
    );
    refused(json!(["sh", "paint", "{image}", "{output}"]), "", "uses {image}, but no prompt provides it");
    let there = workspace(&json!(["./bin/paint", "{output}"]), "cwd = \"tools\"");
    std::fs::create_dir_all(there.path().join("tools/bin")).unwrap();
    there.write("tools/bin/paint", "#!/bin/sh\n");
    assert_eq!(there.run(["run", "suite.toml", "--dry-run"]).code, 0);
}

#[test]
fn the_memory_of_a_program_is_known() {
    // The shell holds 64 MiB in a variable and needs a copy or two of it.
    let script = format!("big=$(head -c 67108864 /dev/zero | tr '\\0' a)\n{PAINT}");
    let workspace = workspace(&json!(["sh", "-c", script, "sh", "{output}", "{prompt}"]), "");
    let said = run(&workspace);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for sample in samples(&workspace.export()) {
        let peak = sample["generation"]["peak_rss_bytes"].as_u64().unwrap();
        assert!((60 << 20..400 << 20).contains(&peak), "{peak}");
    }
}
