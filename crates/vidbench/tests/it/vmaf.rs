//! VMAF from the command line, with and without libvmaf.

use serde_json::Value;
use vidbench_shapes::{parse_prompt, render};
use vidbench_video::{Fps, H264Options, encode_ffv1, encode_h264};

use crate::workspace::Workspace;

const LIBRARY: &str = "VIDBENCH_LIBVMAF";
const NOWHERE: &str = "/nonexistent/libvmaf.so.3";

/// `full` and `coarse` hold a clip of the same name in H.264; `rgb` holds it without luma.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    let prompt = "a large red circle moving left on a navy background";
    let (frames, fps) = (render(&parse_prompt(prompt).unwrap(), 5), Fps::new(8, 1).unwrap());
    for (folder, crf) in [("full", 1), ("coarse", 40)] {
        std::fs::create_dir(workspace.path().join(folder)).unwrap();
        let path = workspace.path().join(folder).join("clip.mp4");
        encode_h264(path, &frames, &H264Options { crf, ..H264Options::new(fps) }).unwrap();
    }
    std::fs::create_dir(workspace.path().join("rgb")).unwrap();
    encode_ffv1(workspace.path().join("rgb/clip.mkv"), &frames, fps).unwrap();
    workspace
}

/// The result of scoring `coarse` against `reference`: the whole output, and the VMAF of the first clip.
fn scored(workspace: &Workspace, reference: &str, library: Option<&str>) -> (Value, Value) {
    let args = ["score", "coarse", "--reference", reference, "--metrics", "vmaf,psnr", "--json"];
    let mut command = workspace.command(args);
    library.map(|library| command.env(LIBRARY, library));
    let output = command.output().unwrap();
    let data: Value = serde_json::from_slice(&output.stdout).unwrap();
    let clip = &data["clips"][0];
    assert_eq!((&clip["outcome"], &clip["scores"][1]["metric"]), (&"ok".into(), &"psnr@1".into()));
    assert!(clip["scores"][1]["score"]["value"].as_f64().is_some(), "{clip}");
    assert_eq!(clip["scores"][0]["metric"], "vmaf@1");
    let vmaf = clip["scores"][0]["score"].clone();
    let code = i32::from(vmaf["value"].is_null());
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    (data, vmaf)
}

fn reason(score: &Value) -> &str {
    score["not_available"]["reason"].as_str().unwrap_or_else(|| panic!("{score}"))
}

#[test]
fn without_libvmaf_the_score_is_not_available_and_the_clip_is_ok() {
    let workspace = workspace();
    let (data, vmaf) = scored(&workspace, "full", Some(NOWHERE));
    assert!(reason(&vmaf).starts_with("libvmaf is not installed: /nonexistent/libvmaf.so.3"), "{vmaf}");
    assert_eq!(data["environment"]["libvmaf"], Value::Null);
    // From now on the result is known, as long as libvmaf is missing.
    let again = workspace.command(["score", "coarse", "--reference", "full", "--metrics", "vmaf"]);
    let again = { again }.env(LIBRARY, NOWHERE).output().unwrap();
    let talk = String::from_utf8(again.stderr).unwrap();
    assert!(talk.contains("1 of 1 clips needed no decoding"), "{talk}");
    // The metric was not requested by name, and cannot be computed.
    let usual = workspace.command(["score", "coarse", "--reference", "full", "--json"]);
    let usual = { usual }.env(LIBRARY, NOWHERE).output().unwrap();
    assert!(!String::from_utf8(usual.stdout).unwrap().contains("vmaf@1"));
}

#[test]
fn files_without_luma_have_no_vmaf_whether_libvmaf_is_there_or_not() {
    let (_, vmaf) = scored(&workspace(), "rgb", Some(NOWHERE));
    assert_eq!(reason(&vmaf), "the reference stores no luma; compare R, G and B instead");
}

#[test]
fn doctor_says_what_is_wrong_with_the_libvmaf_that_was_named() {
    let output = Workspace::new().command(["doctor"]).env(LIBRARY, NOWHERE).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains(" vmaf ")).unwrap();
    assert!(line.starts_with("BROKEN  vmaf          optional: libvmaf is not installed: "), "{line}");
    assert!(text.contains("hint: for VMAF, install libvmaf 2 or 3, or set VIDBENCH_LIBVMAF to its file"));
}

#[test]
#[ignore = "needs libvmaf; `make test` runs it where there is one"]
fn vmaf_is_computed_when_libvmaf_has_been_installed_since() {
    let workspace = workspace();
    let (before, _) = scored(&workspace, "full", Some(NOWHERE));
    let (after, vmaf) = scored(&workspace, "full", None);
    let value = vmaf["value"].as_f64().unwrap();
    assert!(0.0 < value && value < 95.0, "{value}");
    assert_eq!(after["clips"][0]["scores"][0]["series"]["values"].as_array().unwrap().len(), 16);
    assert!(after["environment"]["libvmaf"].is_string());
    // The second time it is known, and the result is the same.
    assert_eq!(scored(&workspace, "full", None).1, vmaf);
    // A value that was unavailable stays unavailable in that scoring.
    let id = before["scoring"].as_str().unwrap();
    let stored: Value = serde_json::from_str(&workspace.run(["export", id]).stdout).unwrap();
    reason(&stored["clips"][0]["scores"][0]["score"]);
    // The same holds for the default metrics.
    let usual = workspace.run(["score", "coarse", "--reference", "full", "--json"]);
    assert!(usual.stdout.contains("vmaf@1"), "{}", usual.stdout);
}
