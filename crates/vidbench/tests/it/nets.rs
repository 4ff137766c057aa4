//! Weights of nets from the command line: fetched from a server in the test, imported, random, damaged.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::Value;
use vidbench_nn::nets::{Skeleton, WeightsFile, random_weights};

use crate::server::{Reply, Request, Server};
use crate::workspace::{Said, Workspace};

/// A checkpoint of AMT-S with random weights. AMT-S fits because no hash of the real file was published, and it is on
/// the hub.
fn checkpoint(workspace: &Workspace, folder: &str, seed: u64) -> PathBuf {
    fs::create_dir_all(workspace.path().join(folder)).unwrap();
    let path = workspace.path().join(folder).join("amt-s.pth");
    WeightsFile::create(&path, &Skeleton::of("amt-s").unwrap(), |spec| Ok(random_weights(spec, seed)))
        .unwrap();
    path
}

/// The binary with the test's own hub, without any settings of the person who runs the tests.
fn command(workspace: &Workspace, hub: Option<&Server>, args: &[&str]) -> Command {
    let mut command = workspace.command(args);
    for name in ["HF_HOME", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "XDG_CACHE_HOME"] {
        command.env_remove(name);
    }
    for name in ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
        command.env_remove(name);
    }
    command.env("HOME", workspace.path());
    command.env("HF_ENDPOINT", hub.map_or_else(|| "http://127.0.0.1:9".into(), Server::url));
    command
}

fn run(workspace: &Workspace, hub: Option<&Server>, args: &[&str]) -> Said {
    Said::from(command(workspace, hub, args).output().unwrap())
}

fn downloads(workspace: &Workspace) -> Vec<String> {
    let entries = fs::read_dir(workspace.path().join("nets/downloads")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr))
}

fn state(workspace: &Workspace, net: &str) -> String {
    let listed = json(&run(workspace, None, &["nets", "list", "--json"]));
    let line = listed["nets"].as_array().unwrap().iter().find(|line| line["net"] == net).cloned();
    line.unwrap()["state"].as_str().unwrap().to_owned()
}

#[test]
fn the_list_says_what_each_net_costs_and_allows() {
    let workspace = Workspace::new();
    let said = run(&workspace, None, &["nets", "list"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let lines: Vec<&str> =
        said.stdout.lines().filter(|line| line.starts_with("net ") || line.starts_with("amt-s ")).collect();
    let words: Vec<String> =
        lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(words[0], "net needed by size licence commercial state");
    assert!(
        words[1].starts_with("amt-s ") && words[1].ends_with("12.0 MB CC-BY-NC-4.0 no absent"),
        "{}",
        words[1]
    );
    assert!(said.stdout.contains("lpips-alex, lpips-squeeze, lpips-vgg"), "{}", said.stdout);
    assert!(said.stderr.contains("nets; `vidbench nets fetch NAME`"), "{}", said.stderr);
    assert!(!workspace.path().join("nets").exists(), "looking makes nothing");
    let licences = run(&workspace, None, &["nets", "licences"]);
    assert!(
        licences.stdout.lines().any(|line| line.starts_with("raft ") && line.ends_with("arXiv 2003.12039"))
    );
    let values = json(&run(&workspace, None, &["nets", "licences", "--json"]));
    assert!(
        values
            .as_array()
            .unwrap()
            .iter()
            .all(|net| net["licence"].is_string() && net["citation"].is_string())
    );
}

#[test]
fn a_fetched_net_is_ready_and_its_download_is_gone() {
    let workspace = Workspace::new();
    let body = fs::read(checkpoint(&workspace, "authors", 1)).unwrap();
    let hub = Server::start(move |request, _| Reply::ranged(request, &body, "\"v1\""));
    let said = run(&workspace, Some(&hub), &["nets", "fetch", "amt-s", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("note: commercial use of amt-s is not allowed: CC-BY-NC-4.0"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("fetch amt-s.pth"), "{}", said.stderr);
    assert_eq!(json(&said)["nets"][0]["state"], "fetched");
    assert_eq!(hub.requests()[0].path, "/lalala125/AMT/resolve/main/amt-s.pth");
    assert_eq!(state(&workspace, "amt-s"), "ready (unpinned)");
    let record: Value =
        serde_json::from_slice(&fs::read(workspace.path().join("nets/amt-s/source.json")).unwrap()).unwrap();
    assert_eq!(record["files"][0]["from"], format!("{}/lalala125/AMT/resolve/main/amt-s.pth", hub.url()));
    assert!(record["made_at"].as_str().unwrap().ends_with('Z'), "{record}");
    assert_eq!(downloads(&workspace), [".lock"]);
    // The file is already here, so no request is made.
    let said = run(&workspace, Some(&hub), &["nets", "fetch", "amt-s"]);
    assert!(said.stdout.contains("ready (unpinned)"), "{}", said.stdout);
    assert_eq!(hub.requests().len(), 1);
}

#[test]
fn a_changed_file_is_taken_only_when_it_is_accepted() {
    let workspace = Workspace::new();
    let bodies: Vec<Vec<u8>> =
        [1, 2].map(|seed| fs::read(checkpoint(&workspace, "authors", seed)).unwrap()).into();
    let hub = Server::start(move |_, before| Reply::whole(&bodies[before.min(1)]));
    assert_eq!(run(&workspace, Some(&hub), &["nets", "fetch", "amt-s"]).code, 0);
    let said = run(&workspace, Some(&hub), &["nets", "fetch", "amt-s", "--again"]);
    assert_eq!(said.code, 1, "{}", said.stdout);
    assert!(said.stderr.contains("error: amt-s.pth has changed: its SHA-256 is"), "{}", said.stderr);
    assert!(said.stderr.contains("--accept-changed"), "{}", said.stderr);
    assert_eq!(state(&workspace, "amt-s"), "ready (unpinned)", "what was there stays");
    let said = run(&workspace, Some(&hub), &["nets", "fetch", "amt-s", "--again", "--accept-changed"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(hub.requests().len(), 2, "the file that was refused is still here");
}

#[test]
fn a_fetch_that_was_killed_goes_on_where_it_stopped() {
    let workspace = Workspace::new();
    let body = fs::read(checkpoint(&workspace, "authors", 1)).unwrap();
    let len = body.len();
    let hub = Server::start(move |request, before| Reply {
        // The first answer stops half-way and keeps the client waiting.
        hangs_after: (before == 0).then_some(len / 2),
        ..Reply::ranged(request, &body, "\"v1\"")
    });
    let args = ["nets", "fetch", "amt-s", "--progress", "none"];
    let mut child =
        command(&workspace, Some(&hub), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let part = workspace.path().join("nets/downloads/amt-s.pth.part");
    let started = Instant::now();
    while fs::metadata(&part).map_or(0, |part| part.len()) < (len / 2) as u64 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing came");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(state(&workspace, "amt-s"), "absent");
    let said = run(&workspace, Some(&hub), &args);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(hub.requests().iter().map(Request::from).collect::<Vec<_>>(), [None, Some(len / 2)]);
    assert_eq!(run(&workspace, None, &["nets", "verify"]).code, 0);
}

#[test]
fn two_that_fetch_at_once_fetch_once() {
    let workspace = Workspace::new();
    let body = fs::read(checkpoint(&workspace, "authors", 1)).unwrap();
    let hub = Server::start(move |request, _| Reply::ranged(request, &body, "\"v1\""));
    let start = || {
        command(&workspace, Some(&hub), &["nets", "fetch", "amt-s"]).stdout(Stdio::piped()).spawn().unwrap()
    };
    let children = [start(), start(), start()];
    for child in children {
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!(said.code, 0, "{}", said.stdout);
    }
    assert_eq!(hub.requests().len(), 1);
}

#[test]
fn what_the_hub_refuses_is_said_with_what_to_do() {
    let workspace = Workspace::new();
    let hub = Server::start(|_, _| Reply::status(403));
    let said = run(&workspace, Some(&hub), &["nets", "fetch", "amt-s", "--quiet"]);
    assert_eq!(said.stdout, "net    state   weights' sha256\namt-s  FAILED  -\n");
    expect![[r#"
        exit 1
        error: cannot fetch amt-s.pth from HUB/lalala125/AMT/resolve/main/amt-s.pth: access to it is restricted (403)
        hint: accept the licence on the repository page, then set HF_TOKEN to a token with read access
    "#]]
    .assert_eq(&said.failure(&workspace).replace(&hub.url(), "HUB"));
    let page = Server::start(|_, _| Reply::whole(b"<html>not what you think</html>"));
    let said = run(&workspace, Some(&page), &["nets", "fetch", "amt-s", "--quiet"]);
    expect![[r#"
        exit 1
        error: DIR/nets/downloads/amt-s.pth: it is not a file written by safetensors, torch.save, torch.jit.save or numpy.savez
        hint: if it starts with <, it is a web page saved in its place: fetch it again
    "#]]
    .assert_eq(&said.failure(&workspace));
    assert_eq!(downloads(&workspace), [".lock"]);
}

#[test]
fn offline_nothing_is_fetched_and_the_hubs_cache_is_taken() {
    let workspace = Workspace::new();
    let hub = Server::start(|_, _| Reply::status(500));
    let said = run(&workspace, Some(&hub), &["nets", "fetch", "amt-s", "--offline", "--quiet"]);
    expect![[r#"
        exit 1
        error: cannot fetch amt-s.pth from HUB/lalala125/AMT/resolve/main/amt-s.pth: offline, and it is not in the Hugging Face cache
        hint: run without HF_HUB_OFFLINE and --offline to fetch it, or copy amt-s.pth to this machine and `vidbench nets import` it
    "#]]
    .assert_eq(&said.failure(&workspace).replace(&hub.url(), "HUB"));
    let cached = checkpoint(&workspace, ".cache/huggingface/hub/models--lalala125--AMT/snapshots/abc", 1);
    let said = run(&workspace, Some(&hub), &["nets", "fetch", "amt-s", "--offline"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(cached.is_file() && hub.requests().is_empty());
}

#[test]
fn files_that_are_here_are_imported_by_name_and_verified() {
    let workspace = Workspace::new();
    checkpoint(&workspace, "vbench/amt_model", 1);
    fs::write(workspace.path().join("vbench/readme.txt"), "notes").unwrap();
    let said = run(&workspace, None, &["nets", "import", "vbench"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("amt-s  imported (unpinned)"), "{}", said.stdout);
    assert!(said.stderr.contains("left alone: 1 files that no net is taken from"), "{}", said.stderr);
    assert!(run(&workspace, None, &["nets", "verify"]).stdout.contains("amt-s  sound (unpinned)"));
    let weights = workspace.path().join("nets/amt-s/weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let said = run(&workspace, None, &["nets", "verify", "amt-s"]);
    assert_eq!((said.code, said.stdout.contains("amt-s  FAILED")), (1, true), "{}", said.stdout);
    assert!(said.stderr.contains("is damaged: its SHA-256 is"), "{}", said.stderr);
    assert!(said.stderr.contains("hint: `vidbench nets fetch amt-s` writes them again"), "{}", said.stderr);
}

#[test]
fn a_file_of_another_name_is_imported_for_the_net_that_is_named() {
    let workspace = Workspace::new();
    let path = checkpoint(&workspace, "folder", 1);
    fs::rename(path, workspace.path().join("weights.bin")).unwrap();
    let said = run(&workspace, None, &["nets", "import", "weights.bin"]);
    assert_eq!(said.code, 2, "{}", said.stdout);
    assert!(
        said.stderr.starts_with("error: no file of a known name or hash in weights.bin\n"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("hint: --net NAME says which net"), "{}", said.stderr);
    assert_eq!(run(&workspace, None, &["nets", "import", "weights.bin", "--net", "amt-s"]).code, 0);
    assert_eq!(state(&workspace, "amt-s"), "ready (unpinned)");
    let said = run(&workspace, None, &["nets", "import", "weights.bin", "--net", "raft"]);
    expect![[r#"
        exit 1
        error: raft cannot be read from raft-things.pth: no tensor "fnet.conv1.weight" [64, 3, 7, 7]
        hint: the weights of raft are in raft-things.pth
    "#]]
    .assert_eq(&said.failure(&workspace));
}

#[test]
fn a_net_of_two_files_says_which_it_lacks_and_a_wrong_file_what_differs() {
    let workspace = Workspace::new();
    fs::create_dir(workspace.path().join("lpips")).unwrap();
    fs::write(workspace.path().join("lpips/alex.pth"), "x").unwrap();
    let said = run(&workspace, None, &["nets", "import", "lpips"]);
    expect![[r#"
        exit 1
        error: lpips-alex needs alexnet-owt-7be5be79.pth too
        hint: name its folder or file in the same command, or `vidbench nets fetch lpips-alex`
    "#]]
    .assert_eq(&said.failure(&workspace));
    fs::write(workspace.path().join("lpips/alexnet-owt-7be5be79.pth"), "x").unwrap();
    let said = run(&workspace, None, &["nets", "import", "lpips"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("is not alexnet-owt-7be5be79.pth: its SHA-256 is"), "{}", said.stderr);
}

#[test]
fn random_weights_lie_apart_and_are_the_same_each_time() {
    let workspace = Workspace::new();
    let random =
        || json(&run(&workspace, None, &["nets", "random", "aesthetic-head", "--seed", "3", "--json"]));
    let made = random();
    assert_eq!(made["nets"][0]["weights"]["random"], 3);
    assert_eq!(random()["nets"], made["nets"]);
    assert!(workspace.path().join("nets/random-3/aesthetic-head/weights.safetensors").is_file());
    assert_eq!(state(&workspace, "aesthetic-head"), "absent");
}

#[test]
fn every_verb_has_examples() {
    let workspace = Workspace::new();
    for verb in ["fetch", "import", "verify", "random"] {
        let help = workspace.run(["nets", verb, "--help"]).stdout;
        assert!(help.contains("Examples:\n  vidbench nets"), "{verb}: {help}");
    }
    let help = workspace.run(["nets", "-h"]).stdout;
    for verb in ["list", "fetch", "verify", "import", "licences", "random"] {
        assert!(help.contains(&format!("\n  {verb} ")), "{help}");
    }
}

#[test]
fn a_mistyped_net_gets_a_suggestion() {
    let workspace = Workspace::new();
    for verb in ["fetch", "random", "verify"] {
        let said = run(&workspace, None, &["nets", verb, "vbnch"]);
        expect![[r#"
            exit 2
            error: there is no net or bundle "vbnch"
            hint: did you mean "vbench"?
            hint: `vidbench nets list` lists nets and bundles
        "#]]
        .assert_eq(&said.failure(&workspace));
    }
}

#[test]
fn doctor_counts_the_nets_that_are_ready() {
    let workspace = Workspace::new();
    let line = || {
        let said = run(&workspace, None, &["doctor"]);
        let at = said.stdout.find(" nets ").unwrap_or_else(|| panic!("{}", said.stdout));
        said.stdout[at..].lines().take(2).map(str::trim).collect::<Vec<_>>().join("; ")
    };
    let known = Skeleton::names().count();
    assert!(line().starts_with(&format!("nets          0 of {known} ready, in ")), "{}", line());
    assert!(line().contains("hint: `vidbench nets fetch vbench`"), "{}", line());
    checkpoint(&workspace, "authors", 1);
    assert_eq!(run(&workspace, None, &["nets", "import", "authors"]).code, 0);
    assert!(line().starts_with(&format!("nets          1 of {known} ready, in ")), "{}", line());
    fs::write(workspace.path().join("nets/amt-s/source.json"), "{").unwrap();
    assert!(
        line().contains("damaged: amt-s") && line().contains("hint: `vidbench nets verify`"),
        "{}",
        line()
    );
}
