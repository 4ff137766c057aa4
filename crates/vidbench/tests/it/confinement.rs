//! Workers that reach for more than they may have: each such attempt costs its own sample, whose outcome gives the
//! reason, and the run goes on.
//!
//! A limit that the machine cannot enforce is not tested there: such a test says so and ends.

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use vidbench::WorkerPrograms;
use vidbench_core::protocol::DecodeOptions;
use vidbench_core::{Confine, FramesU8, NetDevice, NetOptions, ScorerSettings, ScoringRequest};
use vidbench_engines::Means;
use vidbench_video::{Fps, encode_ffv1};

use crate::main_job::samples;
use crate::score::{clip, json, outcomes, write};
use crate::workspace::{Said, Workspace, skipped, suite, worker_suite};

const VIDBENCH: &str = env!("CARGO_BIN_EXE_vidbench");

/// Whether the machine lacks something the test needs. The test says so, so that it is not taken for passed.
fn lacks<T>(found: Result<T, String>) -> bool {
    if let Err(why) = &found {
        skipped(why);
    }
    found.is_err()
}

fn means() -> Means {
    Means::of(Path::new(VIDBENCH))
}

/// Runs seeds 1 to 3 with two prompts each; at seed 2 the worker reaches for `target`.
fn run(workspace: &Workspace, fault: &str, target: &str, confinement: &str) -> (Said, Value) {
    let limits = format!("\n[confinement]\n{confinement}");
    let suite =
        worker_suite("[1, 2, 3]", fault, 2, &limits).replace(", \"2\"]", &format!(", \"2\", {target:?}]"));
    workspace.write("suite.toml", suite);
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert!(said.code < 2, "{}", said.stderr);
    (said, workspace.export())
}

/// Checks that the samples of seed 2 have that outcome, with those words in the reason, and that no other sample is
/// affected.
#[track_caller]
fn check(fault: &str, target: &str, confinement: &str, outcome: &str, words: &[&str]) {
    let workspace = Workspace::new();
    let (said, data) = run(&workspace, fault, target, confinement);
    let found: Vec<&str> =
        samples(&data).iter().map(|sample| sample["verdict"]["outcome"].as_str().unwrap()).collect();
    assert_eq!(found, ["ok", "ok", outcome, outcome, "ok", "ok"], "{}", said.stderr);
    let reason = samples(&data)[2]["verdict"]["reason"].as_str().unwrap();
    assert!(words.iter().all(|word| reason.contains(word)), "{words:?}: {reason}");
}

#[test]
fn a_worker_that_swells_is_out_of_memory_and_the_limit_is_named() {
    if lacks(means().watch) {
        return;
    }
    check(
        "swell",
        "",
        "memory_mib = 256",
        "out_of_memory",
        &["it held ", "more than memory_mib = 256 allows"],
    );
}

#[test]
fn what_a_worker_has_started_counts_even_where_it_hides() {
    if lacks(means().watch) {
        return;
    }
    check(
        "swell-in-a-child",
        "",
        "memory_mib = 256",
        "out_of_memory",
        &["more than memory_mib = 256 allows"],
    );
}

#[test]
fn a_worker_that_burns_processor_time_is_ended() {
    if lacks(means().watch) {
        return;
    }
    check(
        "spin",
        "",
        "cpu_secs = 3",
        "limit_exceeded",
        &["processor seconds, more than cpu_secs = 3 allows"],
    );
}

#[test]
fn a_worker_that_fills_the_disk_is_ended() {
    check("fill", "", "file_size_mib = 1", "limit_exceeded", &["larger than file_size_mib = 1 allows"]);
}

#[test]
fn a_worker_that_opens_100_000_files_is_told_what_holds_it() {
    check(
        "open-files",
        "",
        "open_files = 64",
        "internal",
        &["Too many open files", "open_files = 64 is in force"],
    );
}

/// Where nothing is forbidden the worker reaches the listener, so the tests below would notice if it did.
#[test]
fn what_is_not_forbidden_is_reached() {
    let (tcp, udp) = listeners();
    let address = |address: std::io::Result<std::net::SocketAddr>| address.unwrap().to_string();
    check("connect", &address(tcp.local_addr()), "", "internal", &["it was reached"]);
    assert!(tcp.accept().is_ok());
    check("send", &address(udp.local_addr()), "", "internal", &["it was reached"]);
    assert!(udp.recv(&mut [0; 8]).is_ok());
    check("read", "/etc/hostname", "", "internal", &["it was reached"]);
}

fn listeners() -> (TcpListener, UdpSocket) {
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    tcp.set_nonblocking(true).unwrap();
    udp.set_nonblocking(true).unwrap();
    (tcp, udp)
}

#[track_caller]
fn nothing_came(tcp: &TcpListener, udp: &UdpSocket) {
    assert_eq!(tcp.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(udp.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_worker_without_network_reaches_nobody() {
    if lacks(means().network_cut()) {
        return;
    }
    let (tcp, udp) = listeners();
    let deny = "network = \"deny\"";
    let words = ["etwork is unreachable", "it has no network"];
    check("connect", &tcp.local_addr().unwrap().to_string(), deny, "internal", &words);
    check("send", &udp.local_addr().unwrap().to_string(), deny, "internal", &[]);
    nothing_came(&tcp, &udp);
}

#[test]
fn landlock_alone_cuts_off_tcp() {
    if lacks(means().tcp_cut()) {
        return;
    }
    let (tcp, udp) = listeners();
    check(
        "connect",
        &tcp.local_addr().unwrap().to_string(),
        "network = \"deny-tcp\"",
        "internal",
        &["Permission denied"],
    );
    nothing_came(&tcp, &udp);
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0\t")
}

const CONFINED: &str = "filesystem = \"confined\"";

#[test]
fn a_confined_worker_reads_no_canary_and_writes_nothing_outside() {
    if lacks(means().files_abi()) {
        return;
    }
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (canary, new) = (outside.path().join("canary"), outside.path().join("new"));
    std::fs::write(&canary, "secret").unwrap();
    let words = ["Permission denied", "filesystem = \"confined\""];
    // A file that an argument names may be read, but this argument does not name one.
    check("read", &format!("at:{}", canary.display()), CONFINED, "internal", &words);
    check("write", new.to_str().unwrap(), CONFINED, "internal", &words);
    check("write", canary.to_str().unwrap(), CONFINED, "internal", &words);
    assert!(!new.exists());
    assert_eq!(std::fs::read(&canary).unwrap(), b"secret");
    if is_root() {
        skipped("root reads the environment of every process (CAP_PERFMON)");
    } else {
        check("read-environment", "", CONFINED, "internal", &words);
    }
    let readable = format!("{CONFINED}\nreadable = [{canary:?}]");
    check("write", canary.to_str().unwrap(), &readable, "internal", &words);
}

#[test]
fn what_a_suite_names_is_reached() {
    if lacks(means().files_abi()) {
        return;
    }
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = outside.path().join("file");
    std::fs::write(&file, "").unwrap();
    let named = format!("{CONFINED}\nwritable = [{:?}]", outside.path());
    check("write", file.to_str().unwrap(), &named, "internal", &["it was reached"]);
    let named = format!("{CONFINED}\nreadable = [{file:?}]");
    check("read", &format!("at:{}", file.display()), &named, "internal", &["it was reached"]);
}

#[test]
fn a_place_that_is_not_there_is_told_before_the_run() {
    if lacks(means().files_abi()) {
        return;
    }
    let workspace = Workspace::new();
    let limits = format!("\n[confinement]\n{CONFINED}\nreadable = [\"no-such-folder\"]");
    workspace.write("suite.toml", worker_suite("[1]", "none", 9, &limits));
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("no-such-folder in its confinement: it does not exist"), "{}", said.stderr);
}

#[test]
fn an_output_outside_of_what_was_asked_is_refused() {
    for target in ["/etc/hostname", "../../../artifacts/evil.mp4", "link.mp4"] {
        check("answers-elsewhere", target, "", "protocol_error", &["instead of"]);
    }
}

#[test]
fn the_embedded_model_and_programs_work_within_every_wall_and_the_record_says_which() {
    let means = means();
    if lacks(means.network_cut()) || lacks(means.files_abi()) {
        return;
    }
    let workspace = Workspace::new();
    let walls =
        "\n[confinement]\nmemory_mib = 4096\ncpu_secs = 600\nnetwork = \"deny\"\nfilesystem = \"confined\"\n";
    workspace.write("suite.toml", suite("[1]", 1, "[1]") + walls);
    let said = workspace.run(["run", "suite.toml", "--report", "page.html"]);
    assert!(said.code < 2 && !said.stderr.contains("cannot be enforced"), "{}", said.stderr);
    let data = workspace.export();
    let held = data["sessions"][0]["held"].as_array().unwrap();
    assert_eq!(
        held.iter().map(|held| held["worker"].as_str().unwrap()).collect::<Vec<_>>(),
        ["shapes-ldm", "scorer"]
    );
    for held in held {
        assert!(
            held["network"].is_string() && held["landlock_abi"].is_u64() && held["memory_bytes"].is_u64(),
            "{held}"
        );
        assert_eq!(held["missing"], serde_json::json!([]));
    }
    let page = std::fs::read_to_string(workspace.path().join("page.html")).unwrap();
    assert!(
        page.contains("shapes-ldm: memory 4.0 GiB, 600 processor seconds per request"),
        "no line of the confinement"
    );
}

#[test]
fn a_models_own_confinement_takes_the_place_of_the_suites() {
    let workspace = Workspace::new();
    let own = "[models.confinement]\nopen_files = 77\n\n[prompts]";
    let suite = suite("[1]", 1, "[1]").replace("[prompts]", own)
        + "\n[confinement]\nopen_files = 99\nfile_size_mib = 3\n";
    workspace.write("suite.toml", suite);
    workspace.run(["run", "suite.toml"]);
    let held = workspace.export()["sessions"][0]["held"][0].clone();
    assert_eq!(
        (held["open_files"].as_u64(), held["file_size_bytes"].as_u64()),
        (Some(77), Some(64 << 30)),
        "{held}"
    );
}

/// Simulates a machine whose kernel provides no network namespace, with a user namespace that allows none.
fn where_there_is_no_namespace(workspace: &Workspace) -> Option<Output> {
    let script = "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$0\" run suite.toml";
    let output = workspace
        .command(["ignored"])
        .get_envs()
        .fold(&mut Command::new("unshare"), |command, (name, value)| match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        })
        .args(["--user", "--map-root-user", "sh", "-c", script, VIDBENCH])
        .current_dir(workspace.path())
        .env("PATH", "/usr/bin:/bin")
        .output();
    let output =
        output.ok().filter(|output| !String::from_utf8_lossy(&output.stderr).starts_with("unshare: "));
    if lacks(output.as_ref().ok_or_else(|| "no user namespace can be made".to_owned())) {
        return None;
    }
    output
}

#[test]
fn a_network_that_cannot_be_cut_off_stops_the_run_before_it_begins() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", 1, "[1]") + "\n[confinement]\nnetwork = \"deny\"\n");
    let Some(output) = where_there_is_no_namespace(&workspace) else { return };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("shapes-ldm: its network cannot be cut off: no network namespace"), "{stderr}");
    assert!(stderr.contains("hint: ") && stderr.contains("deny-tcp"), "{stderr}");
    assert_eq!(workspace.run(["runs", "list", "--json"]).stdout.trim(), "[]");
}

#[test]
fn a_scorer_that_cannot_be_held_wholly_is_held_partly_and_that_is_told_and_recorded() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", 1, "[1]"));
    let Some(output) = where_there_is_no_namespace(&workspace) else { return };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() < Some(2), "{stderr}");
    assert_eq!(stderr.matches("this limit of the scorer cannot be enforced: UDP").count(), 1, "{stderr}");
    let held = workspace.export()["sessions"][0]["held"][1].clone();
    assert_eq!(held["network"], "landlock-tcp", "{held}");
    assert!(held["missing"][0].as_str().unwrap().starts_with("UDP, because "), "{held}");
    workspace.write("suite.toml", suite("[1]", 1, "[1]") + "\n[scorer]\nconfine = \"required\"\n");
    let Some(output) = where_there_is_no_namespace(&workspace) else { return };
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be confined as required"));
}

/// A file that is really a playlist and names something to fetch.
#[test]
fn a_playlist_in_the_guise_of_a_video_fetches_nothing() {
    let workspace = Workspace::new();
    let (tcp, udp) = listeners();
    let url = format!("http://{}/secret.ts", tcp.local_addr().unwrap());
    let hls = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n");
    workspace.write("hls.mp4", &hls);
    workspace.write("concat.mp4", format!("ffconcat version 1.0\nfile '{url}'\n"));
    let said =
        workspace.run(["score", "hls.mp4", "concat.mp4", "--metrics", "temporal_flickering", "--json"]);
    let outcomes = outcomes(&json(&said));
    assert!(
        outcomes.len() == 2 && outcomes.values().all(|(outcome, _)| outcome == "decode_failed"),
        "{outcomes:?}"
    );
    nothing_came(&tcp, &udp);
}

/// Runs Bash in place of the scorer: libav has limits of its own, so only another program shows that the confinement
/// holds without them.
fn as_scorer(workspace: &Workspace, script: &str) -> Output {
    let programs = WorkerPrograms { vidbench: VIDBENCH.into(), workspace: None };
    let request = ScoringRequest {
        name: "bash".into(),
        metrics: Vec::new(),
        clips: vidbench::gather(&[workspace.path().join("clips")], None).unwrap().clips,
        options: DecodeOptions::default(),
        nets: NetOptions::default(),
    };
    let settings = ScorerSettings { confine: Confine::IfPossible, memory_mib: None };
    let held = vidbench::hold_scorers(&programs, &request, &[NetDevice::Cpu], &settings).unwrap().remove(0);
    let bounds = held.command.args.iter().take_while(|arg| *arg != "--");
    let mut command = Command::new(&held.command.program);
    command.args(bounds).args(["--", "bash", "-c", script]).current_dir(workspace.path()).output().unwrap()
}

#[test]
fn the_scorer_reads_its_clips_and_neither_writes_nor_connects_by_default() {
    let means = means();
    if lacks(means.network_cut()) || lacks(means.files_abi()) {
        return;
    }
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path().join("clips")).unwrap();
    let (tcp, udp) = listeners();
    let (port, udp_port) = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
    workspace.write("canary", "secret");
    workspace.write("clips/a.mp4", "clip");
    let script = format!(
        "cat clips/a.mp4; echo; cat canary; echo x > clips/new; echo x > /tmp/vidbench-new; rm clips/a.mp4; \
         cat /proc/$PPID/environ; exec 3<>/dev/tcp/127.0.0.1/{port}; echo x > /dev/udp/127.0.0.1/{udp_port}; \
         ulimit -n; ulimit -c"
    );
    let output = as_scorer(&workspace, &script);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "clip\n4096\n0\n", "{stderr}");
    assert_eq!(stderr.matches("Permission denied").count(), 5, "{stderr}");
    assert!(workspace.path().join("clips/a.mp4").exists() && !workspace.path().join("clips/new").exists());
    nothing_came(&tcp, &udp);
}

#[test]
fn a_clip_that_makes_the_scorer_swell_costs_itself_and_the_limit_is_named() {
    if lacks(means().watch) {
        return;
    }
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path().join("fast")).unwrap();
    let side = 2048;
    let frames = FramesU8::new(24, side, side, vec![90; 24 * side * side * 3]).unwrap();
    encode_ffv1(workspace.path().join("fast/big.mkv"), &frames, Fps::new(8, 1).unwrap()).unwrap();
    write(&workspace.path().join("fast"), "small", &clip(0), false);
    let said = workspace.run(["score", "fast", "--workers", "1", "--json", "--scorer-memory-mib", "64"]);
    let outcomes = outcomes(&json(&said));
    let (outcome, reason) = &outcomes["big.mkv"];
    assert_eq!(outcome, "decode_failed", "{outcomes:?}");
    assert!(reason.contains("more than memory_mib = 64 allows"), "{reason}");
    assert_eq!(outcomes["small.mp4"].0, "ok", "{outcomes:?}");
}

#[test]
fn a_launcher_keeps_process_folder_and_pipes_and_says_what_it_cannot_set() {
    let workspace = Workspace::new();
    let child = workspace
        .command([
            "worker",
            "confined",
            "--open-files",
            "64",
            "--",
            "sh",
            "-c",
            "echo $$; pwd; ulimit -n; ulimit -Hn",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    let said = Said::from(child.wait_with_output().unwrap());
    let folder = std::fs::canonicalize(workspace.path()).unwrap();
    assert_eq!(said.stdout, format!("{id}\n{}\n64\n64\n", folder.display()));
    let said = workspace.run(["worker", "confined", "--", "/no/such/program"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("worker /no/such/program cannot be started: No such file"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("hint: give the path"), "{}", said.stderr);
    let mut nowhere = workspace.command(["worker", "confined", "--network", "bubblewrap", "--", "/bin/true"]);
    let said = Said::from(nowhere.env("PATH", "/no/such").output().unwrap());
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("cannot be confined: network: bubblewrap cannot be started"),
        "{}",
        said.stderr
    );
}

#[test]
fn bubblewrap_cuts_off_the_network_and_the_rest_is_set_within() {
    let found = vidbench_engines::bubblewrap().ok_or_else(|| "bubblewrap is not installed".to_owned());
    if lacks(found) || lacks(means().files_abi()) {
        return;
    }
    let workspace = Workspace::new();
    let (tcp, udp) = listeners();
    let canary = workspace.write("canary", "secret");
    let port = tcp.local_addr().unwrap().port();
    let script = format!("ulimit -n; cat {canary:?}; exec 3<>/dev/tcp/127.0.0.1/{port}");
    let bounds = ["worker", "confined", "--network", "bubblewrap", "--open-files", "64", "--confine-files"];
    let said = workspace.run(bounds.iter().chain(&["--read", "/usr", "--", "bash", "-c", &script]));
    assert_eq!(said.stdout, "64\n", "{}", said.stderr);
    assert!(said.stderr.contains("Permission denied") && said.stderr.contains("refused"), "{}", said.stderr);
    nothing_came(&tcp, &udp);
}

/// Root may create namespaces directly. Other users need a user namespace, in which they keep their identity and still
/// die with their parent.
#[test]
fn who_has_no_rights_gets_no_network_either() {
    const NOBODY: u32 = 65_534;
    let script = "id -u; grep -c : /proc/net/dev; exec 3<>/dev/tcp/127.0.0.1/1";
    let mut command = Command::new(VIDBENCH);
    command
        .args(["worker", "confined", "--network", "namespace", "--", "bash", "-c", script])
        .current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = match command.output() {
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("no network namespace") => {
            return skipped("users make no namespaces here");
        }
        Ok(output) => output,
        Err(error) => return skipped(&format!("another user cannot run the binary: {error}")),
    };
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stdout.ends_with("\n1\n") && !stdout.starts_with("0\n"), "{stdout}{stderr}");
    assert!(stderr.contains("unreachable"), "{stderr}");
}

#[test]
fn a_confined_worker_dies_with_a_harness_that_was_killed() {
    if lacks(means().network_cut()) {
        return;
    }
    let workspace = Workspace::new();
    let limits = "\n[confinement]\nnetwork = \"deny\"\nmemory_mib = 4096";
    let folder = workspace.path().to_str().unwrap().to_owned();
    let suite = worker_suite("[2]", "hang", 2, limits).replace(", \"2\"]", &format!(", \"2\", {folder:?}]"));
    workspace.write("suite.toml", suite);
    let mut harness = workspace.command(["run", "suite.toml", "--progress", "none"]).spawn().unwrap();
    let worker = crate::workspace::example("shapes_worker");
    let runs = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
        lines.filter(|line| line.starts_with(&worker) && line.contains(&folder)).count()
    };
    let within = |wanted: &dyn Fn() -> bool| {
        (0..1200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            wanted()
        })
    };
    assert!(within(&|| runs() > 0), "the worker starts");
    harness.kill().unwrap();
    harness.wait().unwrap();
    assert!(within(&|| runs() == 0), "the worker ends with it");
}

#[test]
fn the_doctor_says_what_this_machine_holds() {
    let said = Workspace::new().run(["doctor"]);
    for name in ["limits", "no network", "files"] {
        assert!(
            said.stdout.lines().any(|line| line.get(8..).is_some_and(|rest| rest.starts_with(name))),
            "{name}: {}",
            said.stdout
        );
    }
}
