//! The cache from a person's point of view: what it saves, what it reports, and that cached work is never mistaken for
//! a measurement.

use serde_json::Value;
use vidbench_store::{Cache, CacheKey, CacheKind, CacheSize};

use crate::main_job::samples;
use crate::score::{clip, json, write};
use crate::workspace::{Said, Workspace, skipped, suite};

const SIZE: &str = "VIDBENCH_CACHE_SIZE";

fn run_with(workspace: &Workspace, size: &str, args: &[&str]) -> Said {
    Said::from(workspace.command(args).env(SIZE, size).output().unwrap())
}

/// The line of `vidbench cache show` for one kind.
fn usage(workspace: &Workspace, kind: &str) -> Value {
    let said = workspace.run(["cache", "show", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    json(&said)["kinds"].as_array().unwrap().iter().find(|line| line["kind"] == kind).unwrap().clone()
}

fn reusing(seeds: &str, prompts: u32, steps: &str) -> String {
    suite(seeds, prompts, steps).replace("seeds =", "reuse_samples = true\nseeds =")
}

/// Runs a suite; returns the data of its run and the output of the command.
fn execute(workspace: &Workspace, text: &str) -> (Value, Said) {
    workspace.write("suite.toml", text);
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    (workspace.export(), said)
}

fn of_all<'d>(data: &'d Value, pointer: &str) -> Vec<Option<&'d Value>> {
    samples(data).iter().map(|sample| sample.pointer(pointer)).collect()
}

#[test]
fn samples_of_another_run_are_taken_marked_and_have_no_times() {
    let workspace = Workspace::new();
    let (first, _) = execute(&workspace, &suite("[1]", 2, "[2]"));
    let (plain, _) = execute(&workspace, &suite("[1]", 2, "[2]"));
    assert!(
        of_all(&plain, "/generation/reused_from").iter().all(Option::is_none),
        "only where the suite says so"
    );

    let (second, said) = execute(&workspace, &reusing("[1]", 2, "[2]"));
    assert!(said.stderr.contains("2 samples are reused from earlier runs"), "{}", said.stderr);
    let from = plain["run"]["id"].as_str().unwrap();
    assert!(
        said.stdout.contains(&format!("2 of 2 samples come from 1 earlier run ({from})")),
        "{}",
        said.stdout
    );
    for pointer in ["/generation/artifact_sha256", "/verdict/scores", "/sample"] {
        assert_eq!(of_all(&first, pointer), of_all(&second, pointer));
    }
    for sample in samples(&second) {
        assert_eq!(sample["generation"]["reused_from"], from);
        let timed = ["latency_secs", "service_secs", "response_secs"];
        assert!(
            timed.iter().all(|key| sample[key].is_null()) && sample["generation"]["timing"].is_null(),
            "{sample}"
        );
    }
    let session = &second["sessions"][0];
    assert_eq!(
        (&session["models"], session["ledger"]["generate_secs"].as_f64()),
        (&Value::Array(vec![]), Some(0.0))
    );
    assert_eq!(session["reused"][0], first["sessions"][0]["models"][0]["model"]);
    for group in second["analysis"]["groups"].as_array().unwrap() {
        assert!(group["latency"].is_null() && group["service"].is_null(), "{group}");
    }
    let csv = workspace.run(["export", "latest", "--format", "csv"]).stdout;
    assert!(csv.contains("reused_from") && csv.contains(from), "{csv}");
}

#[test]
fn what_was_not_made_before_is_made_and_timed_beside_what_is_reused() {
    let workspace = Workspace::new();
    execute(&workspace, &suite("[1]", 2, "[2]"));
    let (data, said) = execute(&workspace, &reusing("[1]", 3, "[2]"));
    assert!(said.stdout.contains("2 of 3 samples come from 1 earlier run"), "{}", said.stdout);
    let timed = of_all(&data, "/generation/timing");
    assert_eq!(timed.iter().flatten().filter(|timing| timing.is_object()).count(), 1);
    assert_eq!(data["analysis"]["groups"][0]["latency"]["n"], 1);
}

#[test]
fn a_damaged_video_of_another_run_is_made_again() {
    let workspace = Workspace::new();
    let (first, _) = execute(&workspace, &suite("[1]", 1, "[2]"));
    let sha256 = samples(&first)[0]["generation"]["artifact_sha256"].as_str().unwrap();
    let video = workspace.path().join(format!(".vidbench/artifacts/{}/{sha256}.mp4", &sha256[..2]));
    let mut bytes = std::fs::read(&video).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&video, bytes).unwrap();
    let (second, _) = execute(&workspace, &reusing("[1]", 1, "[2]"));
    assert!(samples(&second)[0]["generation"]["reused_from"].is_null());
    assert_eq!(samples(&second)[0]["generation"]["artifact_sha256"], sha256);
}

#[test]
fn videos_of_a_removed_run_come_back_from_the_cache() {
    let workspace = Workspace::new();
    let (first, _) = execute(&workspace, &suite("[1]", 2, "[2]"));
    let run = first["run"]["id"].as_str().unwrap();
    let requests = workspace.path().join("requests.txt");
    let mut remove = workspace.command(["runs", "rm", run]);
    let removed = Said::from(remove.env("VIDBENCH_CACHE_REQUESTS", &requests).output().unwrap());
    let told = std::fs::read_to_string(&requests).unwrap();
    assert_eq!(told.lines().filter(|line| line.starts_with("make samples-")).count(), 2, "{told}");
    assert!(removed.stderr.contains("kept 2 videos in the cache"), "{}", removed.stderr);
    let kept = usage(&workspace, "samples");
    assert_eq!((&kept["entries"], &kept["hits"]), (&2.into(), &0.into()));

    let (second, _) = execute(&workspace, &reusing("[1]", 2, "[2]"));
    assert_eq!(of_all(&second, "/generation/artifact_sha256"), of_all(&first, "/generation/artifact_sha256"));
    assert!(samples(&second).iter().all(|sample| sample["generation"]["reused_from"] == run));
    let used = usage(&workspace, "samples");
    let service: f64 = samples(&first).iter().map(|sample| sample["service_secs"].as_f64().unwrap()).sum();
    assert_eq!(used["hits"], 2);
    assert!((used["saved_secs"].as_f64().unwrap() - service).abs() < 1e-6, "{used}");

    assert_eq!(workspace.run(["cache", "clear"]).code, 0);
    assert_eq!(usage(&workspace, "samples")["entries"], 0);
    let said = workspace.run(["report", "latest"]);
    assert_eq!(said.code, 0, "results do not need it: {}", said.stderr);
}

#[test]
fn without_a_cache_removed_is_removed() {
    let workspace = Workspace::new();
    let (first, _) = execute(&workspace, &suite("[1]", 1, "[1]"));
    let removed = run_with(&workspace, "0", &["runs", "rm", first["run"]["id"].as_str().unwrap()]);
    assert!(removed.code == 0 && !removed.stderr.contains("cache"), "{}", removed.stderr);
    assert_eq!(usage(&workspace, "samples")["entries"], 0);
}

/// Makes clips whose names are their prompts, two for each prompt.
fn clips(workspace: &Workspace) {
    let folder = workspace.path().join("videos");
    std::fs::create_dir(&folder).unwrap();
    for at in 0..2 {
        for index in 0..2 {
            write(&folder, &format!("prompt {at}, oil painting-{index}"), &clip(2 * at + index), true);
        }
    }
    workspace.write("prompts.txt", "prompt 0, oil painting\nprompt 1, oil painting\n");
}

const SCORE: [&str; 9] =
    ["score", "videos", "--prompts", "prompts.txt", "--random-nets", "1", "--json", "--workers", "1"];

fn score(workspace: &Workspace, size: &str, metrics: &str) -> Value {
    let mut command = workspace.command([&SCORE[..], &["--metrics", metrics]].concat());
    command.env("VIDBENCH_NET_RUNTIME", "tract").env_remove("ORT_DYLIB_PATH").env(SIZE, size);
    let said = Said::from(command.output().unwrap());
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(!said.stderr.contains("warning: the cache"), "{}", said.stderr);
    let scores = json(&said)["clips"].as_array().unwrap().iter().map(|clip| clip["scores"].clone()).collect();
    Value::Array(scores)
}

#[test]
fn what_a_net_saw_is_kept_for_another_metric_and_gives_the_same_scores() {
    let (cached, plain) = (Workspace::new(), Workspace::new());
    for workspace in [&cached, &plain] {
        clips(workspace);
    }
    score(&cached, "1GB", "clip_temporal_consistency");
    assert_eq!(usage(&cached, "features")["entries"], 4);
    assert_eq!(score(&cached, "1GB", "clipsim"), score(&plain, "0", "clipsim"));
    let (features, texts) = (usage(&cached, "features"), usage(&cached, "texts"));
    assert_eq!((&features["hits"], &features["bytes"]), (&4.into(), &(4 * (4 + 16 * 512 * 4)).into()));
    assert_eq!((&texts["entries"], &texts["hits"], &texts["misses"]), (&2.into(), &2.into(), &2.into()));
    assert!(features["saved_secs"].as_f64() > Some(0.0) && texts["saved_secs"].as_f64() > Some(0.0));
    assert!(!plain.path().join(".vidbench/cache").exists(), "0 uses none");

    // Flipped bits in the cache do not change the scores.
    for file in walk(&cached.path().join(".vidbench/cache/entries")) {
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[9] ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    let again = score(&cached, "1GB", "vbench.appearance_style");
    assert_eq!(again, score(&plain, "0", "vbench.appearance_style"));
    assert_eq!(usage(&cached, "features")["damaged"], 4);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_size_that_is_none_is_an_error_with_a_hint_before_anything_is_done() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", 1, "[1]"));
    for args in [["run", "suite.toml"], ["cache", "show"]] {
        let said = run_with(&workspace, "10 gigs", &args);
        assert_eq!(said.code, 2, "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains("VIDBENCH_CACHE_SIZE: \"10 gigs\" is not a size"), "{}", said.stderr);
        assert!(
            said.stderr.contains("hint: write a whole number and a unit, such as 10GB"),
            "{}",
            said.stderr
        );
    }
    let doctor = run_with(&workspace, "10 gigs", &["doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains("BROKEN  cache"), "{}", doctor.stdout);
}

#[test]
fn doctor_says_which_size_holds_and_who_said_so() {
    let workspace = Workspace::new();
    let line = |said: Said| said.stdout.lines().find(|line| line.contains(" cache ")).unwrap().to_owned();
    assert!(line(workspace.run(["doctor"])).contains("at most 10GB, by default; empty"));
    let by_second =
        workspace.command(["doctor"]).env("VID_DIFFUSION_BENCH_CACHE_SIZE", "512MiB").output().unwrap();
    assert!(line(Said::from(by_second)).contains("at most 512MiB, by VID_DIFFUSION_BENCH_CACHE_SIZE"));
    assert!(line(run_with(&workspace, "0", &["doctor"])).contains("off, by VIDBENCH_CACHE_SIZE"));
}

#[test]
fn a_cache_that_cannot_be_used_is_a_warning() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path().join(".vidbench")).unwrap();
    workspace.write(".vidbench/cache", "a file where the folder should be");
    let (data, said) = execute(&workspace, &suite("[1]", 1, "[1]"));
    assert!(said.stderr.contains("warning: continuing without the cache"), "{}", said.stderr);
    assert_eq!(samples(&data).len(), 1);
}

#[test]
fn a_full_disk_frees_the_cache_before_a_run_stops() {
    let workspace = Workspace::new();
    let prepared = workspace.path().join("prepared");
    drop(vidbench_store::Store::open(&prepared).unwrap());
    let cache = Cache::open(&prepared, CacheSize(1 << 30)).unwrap();
    for at in 0..40_u8 {
        let key = CacheKey::new(CacheKind::Features, &[&at.to_string()]);
        assert!(cache.put(&key, &vec![at; 1 << 20], 1.0, ""));
    }
    drop(cache);
    let limits = "\n[limits]\nmin_free_disk_mib = 40\ndisk_wait_secs = 0\n";
    workspace.write("suite.toml", suite("[1]", 2, "[1]") + limits);
    let vidbench = env!("CARGO_BIN_EXE_vidbench");
    let script = format!(
        "mkdir disk && mount -t tmpfs -o size=70m none disk && cp -r prepared/. disk || exit 77\n\
         {vidbench} run suite.toml --workspace disk; code=$?; find disk/cache/entries -type f | wc -l > left; exit $code"
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script]).current_dir(workspace.path());
    command.env_remove(SIZE).env_remove("VIDBENCH_WORKSPACE");
    let Ok(said) = command.output().map(Said::from) else { return skipped("there is no unshare") };
    if said.code == 77 || said.stderr.starts_with("unshare:") {
        return skipped("no small disk can be mounted");
    }
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("of the cache") && said.stderr.contains("nearly full: freed"),
        "{}",
        said.stderr
    );
    let left: u32 = std::fs::read_to_string(workspace.path().join("left")).unwrap().trim().parse().unwrap();
    assert!(0 < left && left < 30, "{left} of 40 entries are left");
}
