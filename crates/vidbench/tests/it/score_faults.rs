//! `vidbench score` with wrong names, unusual folders and mistaken users.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vidbench::{ScoreSettings, WorkerPrograms};
use vidbench_core::protocol::DecodeOptions;
use vidbench_core::{Clock, Event, NetDevice, NetOptions, RunId, RunStatus, ScorerSettings, ScoringRequest};
use vidbench_runner::{Cancel, ScoreFinish};
use vidbench_store::{Store, StoreError};

use crate::score::{clip, folders, json, outcomes, write};
use crate::workspace::{Said, Workspace, skipped, suite};

const METRIC: [&str; 2] = ["--metrics", "temporal_flickering"];

fn score(workspace: &Workspace, args: &[&str]) -> Said {
    workspace.run(["score"].iter().chain(args).chain(&METRIC))
}

/// Outcome and reason of each clip.
fn scored(workspace: &Workspace, args: &[&str]) -> (BTreeMap<String, (String, String)>, Said) {
    let said = score(workspace, &[args, &["--json"]].concat());
    (outcomes(&json(&said)), said)
}

fn refused(said: &Said, words: &str) {
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
}

#[test]
fn a_report_takes_the_place_of_no_other_file() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    workspace.write("notes.html", "<!doctype html>\n<p>My notes</p>\n");
    let clip = workspace.path().join("fast/clip-0.mp4");
    let before = std::fs::read(&clip).unwrap();
    for report in ["fast/clip-0.mp4", "full/../fast/clip-0.mp4"] {
        refused(&score(&workspace, &["fast", "--report", report]), "which is an input");
    }
    refused(&score(&workspace, &["fast", "new.mp4", "--report", "./new.mp4"]), "which is an input");
    refused(&score(&workspace, &["fast", "--report", "notes.html"]), "exists and is not a report");
    refused(&score(&workspace, &["fast", "--report", "full/clip-0.mkv"]), "exists and is not a report");
    assert!(!workspace.path().join(".vidbench").exists(), "nothing was begun");
    for _ in 0..2 {
        let said = score(&workspace, &["fast", "--report", "report.html"]);
        assert_eq!(said.code, 0, "a report may be replaced: {}", said.stderr);
    }
    refused(&workspace.run(["report", "latest", "--output", "notes.html"]), "exists and is not a report");
    assert_eq!(workspace.run(["report", "latest", "--output", "report.html"]).code, 0);
    workspace.write("suite.toml", suite("[1]", 1, "[1]"));
    refused(&workspace.run(["run", "suite.toml", "--report", "notes.html"]), "exists and is not a report");
    assert_eq!(std::fs::read(&clip).unwrap(), before);
}

#[test]
fn a_reference_that_is_none_ends_before_the_work() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    std::fs::create_dir(workspace.path().join("empty")).unwrap();
    for (reference, problem) in [("nowhere", "no such file"), ("empty", "the folder contains no videos")] {
        let said = workspace.run(["score", "fast", "--reference", reference]);
        refused(&said, &format!("error: no references in {reference}: {problem}\nhint: name a folder"));
    }
    assert!(!workspace.path().join(".vidbench").exists(), "nothing was begun");
}

/// Root may list every folder, so the test switches to another user where it runs as root.
#[test]
fn a_folder_that_cannot_be_listed_is_one_clip_with_a_problem() {
    const NOBODY: u32 = 65_534;
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let closed = workspace.path().join("fast/closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).unwrap();
    let is_root = std::fs::metadata(&closed).unwrap().uid() == 0;
    let mut command = workspace.command(["score", "fast", "--json", METRIC[0], METRIC[1]]);
    if is_root {
        std::os::unix::fs::chown(workspace.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o755)).unwrap();
    let said = match output {
        Err(error) if is_root => return skipped(&format!("another user cannot run the binary: {error}")),
        output => Said::from(output.unwrap()),
    };
    assert_eq!(said.code, 1, "{}", said.stderr);
    let outcomes = outcomes(&json(&said));
    assert_eq!(outcomes["clip-0.mp4"].0, "ok");
    assert_eq!(outcomes["closed"].0, "unreadable");
    assert!(outcomes["closed"].1.starts_with("cannot be listed: Permission denied"), "{outcomes:?}");
}

/// Images of a clip whose header contains only the size.
fn frames(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let clip = clip(0);
    for (at, frame) in clip.as_bytes().chunks(clip.frame_len()).take(3).enumerate() {
        let head = format!("P6\n{} {}\n255\n", clip.width(), clip.height());
        std::fs::write(folder.join(format!("{at}.ppm")), [head.as_bytes(), frame].concat()).unwrap();
    }
}

#[test]
fn a_folder_of_images_is_a_clip_whatever_else_lies_in_it() {
    let workspace = Workspace::new();
    let clips = workspace.path().join("clips");
    for name in ["pure", "noted", "broken"] {
        frames(&clips.join(name));
    }
    std::fs::write(clips.join("noted/meta.json"), "{}").unwrap();
    std::fs::write(clips.join("noted/.hidden"), "").unwrap();
    symlink("nowhere", clips.join("noted/Thumbs.db")).unwrap();
    symlink("nowhere", clips.join("broken/3.ppm")).unwrap();
    let (outcomes, said) = scored(&workspace, &["clips"]);
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
    assert_eq!([&outcomes["pure"].0, &outcomes["noted"].0], ["ok", "ok"], "{outcomes:?}");
    assert_eq!(outcomes["broken"], ("decode_failed".into(), "image 3.ppm: no such file".into()));
    for words in ["left out in clips: 2 other files", "left out in clips: 1 hidden file"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    let (outcomes, _) = scored(&workspace, &["clips/noted"]);
    assert_eq!(outcomes["noted"].0, "ok");

    // In a folder that also holds a video or a folder, images are ignored as other files.
    frames(&workspace.path().join("mixed"));
    write(&workspace.path().join("mixed"), "video", &clip(1), false);
    std::fs::create_dir(workspace.path().join("mixed/later")).unwrap();
    let (outcomes, said) = scored(&workspace, &["mixed"]);
    assert_eq!(outcomes.into_keys().collect::<Vec<_>>(), ["video.mp4"]);
    for words in ["left out in mixed: 3 other files", "left out in mixed: 1 empty folder"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
}

#[test]
fn a_file_that_is_named_twice_is_scored_once() {
    let workspace = Workspace::new();
    folders(&workspace, 2);
    let fast = workspace.path().join("fast");
    symlink("clip-1.mp4", fast.join("link.mp4")).unwrap();
    std::fs::copy(fast.join("clip-0.mp4"), fast.join("copy.mp4")).unwrap();
    for (inputs, twice) in [
        (&["fast"][..], "note: 1 file was given twice and is scored once\n"),
        (&["fast", "./fast"], "note: 5 files were given twice and are scored once\n"),
        (&["fast", "fast/clip-0.mp4"], "note: 2 files were given twice and are scored once\n"),
    ] {
        let (outcomes, said) = scored(&workspace, inputs);
        assert_eq!(outcomes.into_keys().collect::<Vec<_>>(), ["clip-0.mp4", "clip-1.mp4", "copy.mp4"]);
        assert_eq!(json(&said)["analysis"]["clips"], 3);
        assert!(said.stderr.contains(twice), "{inputs:?}: {}", said.stderr);
    }
    // A group made of links to clips of another group is still a group.
    std::fs::create_dir(workspace.path().join("chosen")).unwrap();
    symlink("../fast/clip-0.mp4", workspace.path().join("chosen/clip-0.mp4")).unwrap();
    let (_, said) = scored(&workspace, &["fast", "chosen"]);
    assert_eq!(json(&said)["analysis"]["clips"], 4);
}

#[test]
fn references_that_share_a_name_are_told_of() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let full = workspace.path().join("full");
    std::fs::copy(full.join("clip-0.mkv"), full.join("clip-0.avi")).unwrap();
    let said = workspace.run(["score", "fast", "--reference", "full", "--json"]);
    assert_eq!(
        outcomes(&json(&said))["clip-0.mp4"],
        (
            "reference_missing".to_owned(),
            "several references share its name: clip-0.avi, clip-0.mkv".to_owned()
        )
    );
}

/// Scores `fast` and calls `at_each` for each clip.
fn scoring(
    workspace: &Workspace,
    store: &Store,
    cancel: &Cancel,
    mut at_each: impl FnMut(&RunId),
) -> (RunId, ScoreFinish) {
    let clock: Arc<dyn Clock> = Arc::new(vidbench::SystemClock::start());
    let request = ScoringRequest {
        name: "fast".into(),
        metrics: vidbench::choose_metrics(&["temporal_flickering".into()], false, false).unwrap(),
        clips: vidbench::gather(&[workspace.path().join("fast")], None).unwrap().clips,
        options: DecodeOptions::default(),
        nets: NetOptions::default(),
    };
    let mut record = vidbench::new_scoring(request, vidbench::environment(Vec::new()), clock.as_ref());
    let id = record.id.clone();
    store.create_scoring(&record).unwrap();
    let programs = WorkerPrograms { vidbench: env!("CARGO_BIN_EXE_vidbench").into(), workspace: None };
    let held =
        vidbench::hold_scorers(&programs, &record.request, &[NetDevice::Cpu], &ScorerSettings::default());
    let scorers = held.unwrap().into_iter().map(|scorer| scorer.command).collect();
    let settings = ScoreSettings { scorers, timeout: Duration::from_secs(60), references: false };
    let mut events = |event: &Event| {
        if matches!(event, Event::ClipScored { .. }) {
            at_each(&id);
        }
    };
    let cancel = cancel.clone();
    let scored = vidbench::score(store, &mut record, &settings, &clock, cancel, &mut events);
    (record.id, scored.unwrap())
}

#[test]
fn a_scoring_that_was_stopped_is_headed_so() {
    let workspace = Workspace::new();
    folders(&workspace, 12);
    let store = Store::open(&workspace.path().join(".vidbench")).unwrap();
    let cancel = Cancel::new();
    let (_, finish) = scoring(&workspace, &store, &cancel, |_| cancel.ask());
    assert!(finish.interrupted && finish.done < 12, "{finish:?}");
    let shown = workspace.run(["runs", "show", "latest"]).stdout;
    assert!(shown.starts_with("INTERRUPTED  "), "{shown}");
    assert!(shown.contains(" not done"), "{shown}");
    let markdown = workspace.run(["report", "latest", "--format", "markdown"]).stdout;
    assert!(markdown.starts_with("**INTERRUPTED** scoring `"), "{markdown}");
    assert_eq!(workspace.run(["report", "latest", "--output", "page.html"]).code, 0);
    let page = std::fs::read_to_string(workspace.path().join("page.html")).unwrap();
    assert!(page.contains("</span> INTERRUPTED</strong>") && !page.contains("WITH FAILURES"));
}

#[test]
fn a_scoring_that_goes_on_is_not_removed() {
    let workspace = Workspace::new();
    folders(&workspace, 2);
    let store = Store::open(&workspace.path().join(".vidbench")).unwrap();
    let mut seen = 0;
    let (id, finish) = scoring(&workspace, &store, &Cancel::new(), |id| {
        seen += 1;
        let said = workspace.run(["runs", "rm", id.as_str()]);
        refused(&said, &format!("error: run {id} is in use by process {}", std::process::id()));
        assert!(workspace.run(["runs", "list"]).stdout.contains("running"));
        assert!(matches!(store.remove_scoring(id), Err(StoreError::Locked { .. })));
    });
    assert_eq!((seen, finish.ok), (2, 2));
    assert_eq!(store.scorings().unwrap()[0].status, RunStatus::Complete);
    assert_eq!(workspace.run(["runs", "rm", id.as_str()]).code, 0);
    assert!(!workspace.path().join(format!(".vidbench/locks/{id}.lock")).exists());
}

/// Each such clip says what is wrong with it, and the others are scored.
#[test]
fn clips_of_odd_shapes_are_scored_or_say_why_not() {
    let workspace = Workspace::new();
    let y4m = |head: &str, pixels: usize, frames: usize| {
        let frame = [b"FRAME\n".as_slice(), &vec![0x80; pixels]].concat();
        [format!("YUV4MPEG2 {head} Ip A1:1 Cmono\n").into_bytes(), frame.repeat(frames)].concat()
    };
    workspace.write("a-dot.y4m", y4m("W1 H1 F8:1", 1, 3));
    workspace.write("b-still.y4m", y4m("W16 H16 F8:1", 256, 1));
    workspace.write("c-timeless.y4m", y4m("W16 H16 F0:1", 256, 3));
    workspace.write("d-huge.y4m", y4m("W16384 H16384 F8:1", 256, 1));
    let wav = [b"RIFF\x2c\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x08\x00\x00\x00".as_slice(), &[0; 8]];
    workspace.write("e-sound.wav", wav.concat());
    let names = ["a-dot.y4m", "b-still.y4m", "c-timeless.y4m", "d-huge.y4m", "e-sound.wav"];
    let said = score(&workspace, &[&names[..], &["--format", "jsonl"]].concat());
    assert_eq!(said.code, 1, "{}", said.stderr);
    let found: Vec<(String, String)> = said
        .stdout
        .lines()
        .map(|line| {
            let clip: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| clip[key].as_str().unwrap_or_default().to_owned();
            (text("outcome"), text("reason"))
        })
        .collect();
    let outcomes: Vec<&str> = found.iter().map(|(outcome, _)| outcome.as_str()).collect();
    assert_eq!(outcomes, ["ok", "ok", "decode_failed", "decode_failed", "decode_failed"], "{found:?}");
    assert!(found[2].1.contains("states no frame rate"), "{found:?}");
    assert!(found[3].1.contains("width of 16384 pixels is over the limit"), "{found:?}");
    assert!(found[4].1.contains("no video"), "{found:?}");
}
