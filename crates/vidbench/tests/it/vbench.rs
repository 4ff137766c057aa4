//! `vidbench vbench` and `score --prompts`, on files that the tests write and clips that the project's own encoder makes.

use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use vidbench_core::FramesU8;
use vidbench_shapes::{parse_prompt, render};
use vidbench_video::{Fps, H264Options, encode_h264};

use crate::workspace::{Said, Workspace};

/// VideoCrafter-2.0 on VBench's leaderboard, in percent.
const VIDEOCRAFTER: [(&str, f64); 16] = [
    ("subject_consistency", 96.85),
    ("background_consistency", 98.22),
    ("temporal_flickering", 98.41),
    ("motion_smoothness", 97.73),
    ("dynamic_degree", 42.50),
    ("aesthetic_quality", 63.13),
    ("imaging_quality", 67.22),
    ("object class", 92.55),
    ("multiple objects", 40.66),
    ("human action", 95.00),
    ("color", 92.92),
    ("spatial_relationship", 35.86),
    ("scene", 55.29),
    ("appearance_style", 25.13),
    ("temporal_style", 25.84),
    ("overall_consistency", 28.23),
];

const STILL: &str = "a large red circle moving left on a navy background";
const COLOR: &str = "a small blue square moving right on a gray background";

/// Writes results of the dimensions, as shares of 1.
fn write_results<'a>(
    workspace: &Workspace,
    file: &str,
    scores: impl IntoIterator<Item = &'a (&'a str, f64)>,
) {
    let scores = scores.into_iter().map(|(name, percent)| ((*name).to_owned(), json!([percent / 100.0])));
    workspace.write(file, Value::Object(scores.collect()).to_string());
}

fn whole(said: &Said, workspace: &Workspace) -> String {
    format!("{}{}", said.stdout, said.failure(workspace))
}

fn check<const N: usize>(workspace: &Workspace, args: [&str; N], expected: &Expect) {
    expected.assert_eq(&whole(&workspace.run(args), workspace));
}

#[test]
fn a_published_row_becomes_its_total() {
    let workspace = Workspace::new();
    write_results(&workspace, "quality.json", &VIDEOCRAFTER[..7]);
    write_results(&workspace, "semantic.json", &VIDEOCRAFTER[6..]);
    check(
        &workspace,
        ["vbench", "total", "quality.json", "semantic.json"],
        &expect![[r#"
            COMPLETE  VBench: 16 of 16 dimensions

            dimension                  group      raw  normalised  weight    videos
                                                                           of suite
            subject consistency      quality  0.9685      0.9631       1          –
            background consistency   quality  0.9822      0.9759       1          –
            temporal flickering      quality  0.9841      0.9571       1          –
            motion smoothness        quality  0.9773      0.9307       1          –
            dynamic degree           quality  0.4250      0.4250     0.5          –
            aesthetic quality        quality  0.6313      0.6313       1          –
            imaging quality          quality  0.6722      0.6722       1          –
            object class            semantic  0.9255      0.9255       1          –
            multiple objects        semantic  0.4066      0.4066       1          –
            human action            semantic  0.9500      0.9500       1          –
            color                   semantic  0.9292      0.9292       1          –
            spatial relationship    semantic  0.3586      0.3586       1          –
            scene                   semantic  0.5529      0.6725       1          –
            appearance style        semantic  0.2513      0.8798       1          –
            temporal style          semantic  0.2584      0.7099       1          –
            overall consistency     semantic  0.2823      0.7755       1          –

            quality   82.20 %
            semantic  73.42 %
            total     80.44 %
            note: the files do not state the number of videos for 16 dimensions
            exit 0
        "#]],
    );
    let said = workspace.run(["vbench", "total", "quality.json", "semantic.json", "--json"]);
    let data: Value = serde_json::from_str(&said.stdout).unwrap();
    let total = data["total"]["complete"].as_f64().unwrap();
    assert!((100.0 * total - 80.44).abs() < 0.01, "{total}");
    assert_eq!(data["as_vbench"], Value::Null);
    for format in ["csv", "markdown", "latex"] {
        let said = workspace.run(["vbench", "total", "quality.json", "semantic.json", "--format", format]);
        assert!(said.code == 0 && said.stdout.contains("80.44") || format == "csv", "{}", said.stdout);
    }
}

/// Seven complete dimensions, and a single video of an eighth.
fn incomplete() -> Workspace {
    let workspace = Workspace::new();
    let videos = json!([{"video_path": "v/alley-0.mp4", "video_results": 0.5}]);
    workspace.write("scene.json", json!({"scene": [0.5, videos]}).to_string());
    write_results(&workspace, "quality.json", &VIDEOCRAFTER[..7]);
    workspace
}

#[test]
fn an_incomplete_total_says_so_in_every_form() {
    let workspace = incomplete();
    let form =
        |format| workspace.run(["vbench", "total", "quality.json", "scene.json", "--format", format]).stdout;
    expect![[r#"
        **INCOMPLETE** VBench: 8 of 16 dimensions.

        | dimension | group | raw | normalised | weight | videos of suite |
        | --- | ---: | ---: | ---: | ---: | ---: |
        | subject consistency | quality | 0.9685 | 0.9631 | 1 | – |
        | background consistency | quality | 0.9822 | 0.9759 | 1 | – |
        | temporal flickering | quality | 0.9841 | 0.9571 | 1 | – |
        | motion smoothness | quality | 0.9773 | 0.9307 | 1 | – |
        | dynamic degree | quality | 0.4250 | 0.4250 | 0.5 | – |
        | aesthetic quality | quality | 0.6313 | 0.6313 | 1 | – |
        | imaging quality | quality | 0.6722 | 0.6722 | 1 | – |
        | object class | semantic | – | – | 1 | – |
        | multiple objects | semantic | – | – | 1 | – |
        | human action | semantic | – | – | 1 | – |
        | color | semantic | – | – | 1 | – |
        | spatial relationship | semantic | – | – | 1 | – |
        | scene | semantic | 0.5000 | 0.6081 | 1 | 1/430 |
        | appearance style | semantic | – | – | 1 | – |
        | temporal style | semantic | – | – | 1 | – |
        | overall consistency | semantic | – | – | 1 | – |
        | quality | mean |  | 82.20 % |  |  |
        | semantic | mean |  | incomplete |  |  |
        | total | mean |  | incomplete |  |  |

        - semantic is incomplete: missing object class, multiple objects, human action, color, spatial relationship, appearance style, temporal style, overall consistency
        - total is incomplete: missing object class, multiple objects, human action, color, spatial relationship, appearance style, temporal style, overall consistency
        - scene: 1 video, fewer than the suite's 430
        - object class: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
        - multiple objects: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
        - color: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
        - spatial relationship: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
        - the files do not state the number of videos for 7 dimensions
    "#]].assert_eq(&form("markdown"));
    expect![[r#"
        % INCOMPLETE VBench: 8 of 16 dimensions
        % semantic is incomplete: missing object class, multiple objects, human action, color, spatial relationship, appearance style, temporal style, overall consistency
        % total is incomplete: missing object class, multiple objects, human action, color, spatial relationship, appearance style, temporal style, overall consistency
        % scene: 1 video, fewer than the suite's 430
        % object class: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
        % multiple objects: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
        % color: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
        % spatial relationship: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
        % the files do not state the number of videos for 7 dimensions
        % \usepackage{booktabs}
        \begin{tabular}{lrrrrr}
        \toprule
        dimension & group & raw & normalised & weight & videos \\
         &  &  &  &  & of suite \\
        \midrule
        subject consistency & quality & 0.9685 & 0.9631 & 1 & -- \\
        background consistency & quality & 0.9822 & 0.9759 & 1 & -- \\
        temporal flickering & quality & 0.9841 & 0.9571 & 1 & -- \\
        motion smoothness & quality & 0.9773 & 0.9307 & 1 & -- \\
        dynamic degree & quality & 0.4250 & 0.4250 & 0.5 & -- \\
        aesthetic quality & quality & 0.6313 & 0.6313 & 1 & -- \\
        imaging quality & quality & 0.6722 & 0.6722 & 1 & -- \\
        object class & semantic & -- & -- & 1 & -- \\
        multiple objects & semantic & -- & -- & 1 & -- \\
        human action & semantic & -- & -- & 1 & -- \\
        color & semantic & -- & -- & 1 & -- \\
        spatial relationship & semantic & -- & -- & 1 & -- \\
        scene & semantic & 0.5000 & 0.6081 & 1 & 1/430 \\
        appearance style & semantic & -- & -- & 1 & -- \\
        temporal style & semantic & -- & -- & 1 & -- \\
        overall consistency & semantic & -- & -- & 1 & -- \\
        quality & mean &  & 82.20 \% &  &  \\
        semantic & mean &  & incomplete &  &  \\
        total & mean &  & incomplete &  &  \\
        \bottomrule
        \end{tabular}
    "#]].assert_eq(&form("latex"));
}

#[test]
fn a_missing_dimension_is_told_of_and_never_counted() {
    let workspace = incomplete();
    check(
        &workspace,
        ["vbench", "total", "quality.json", "scene.json"],
        &expect![[r#"
            INCOMPLETE  VBench: 8 of 16 dimensions

            dimension                  group      raw  normalised  weight    videos
                                                                           of suite
            subject consistency      quality  0.9685      0.9631       1          –
            background consistency   quality  0.9822      0.9759       1          –
            temporal flickering      quality  0.9841      0.9571       1          –
            motion smoothness        quality  0.9773      0.9307       1          –
            dynamic degree           quality  0.4250      0.4250     0.5          –
            aesthetic quality        quality  0.6313      0.6313       1          –
            imaging quality          quality  0.6722      0.6722       1          –
            object class            semantic        –           –      1          –
            multiple objects        semantic        –           –      1          –
            human action            semantic        –           –      1          –
            color                   semantic        –           –      1          –
            spatial relationship    semantic        –           –      1          –
            scene                   semantic  0.5000      0.6081       1     1/430
            appearance style        semantic        –           –      1          –
            temporal style          semantic        –           –      1          –
            overall consistency     semantic        –           –      1          –

            quality   82.20 %
            semantic  incomplete: missing object class, multiple objects, human action, color, spatial relationship, appearance
                      style, temporal style, overall consistency
            total     incomplete: missing object class, multiple objects, human action, color, spatial relationship, appearance
                      style, temporal style, overall consistency
            note: scene: 1 video, fewer than the suite's 430
            note: object class: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for
                  it
            note: multiple objects: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file
                  for it
            note: color: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
            note: spatial relationship: not available: not implemented yet, because GRiT is not among the nets; add a VBench result
                  file for it
            note: the files do not state the number of videos for 7 dimensions
            exit 3
        "#]],
    );
    let said = workspace.run(["vbench", "total", "quality.json", "scene.json", "--allow-incomplete"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let (_, figures) = said.stdout.split_once("AS VBENCH COUNTS").unwrap();
    expect![[r#"
        , with missing dimensions as 0; not a result to report
        quality   82.20 %
        semantic  6.72 %
        total     67.10 %
        note: scene: 1 video, fewer than the suite's 430
        note: object class: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for
              it
        note: multiple objects: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file
              for it
        note: color: not available: not implemented yet, because GRiT is not among the nets; add a VBench result file for it
        note: spatial relationship: not available: not implemented yet, because GRiT is not among the nets; add a VBench result
              file for it
        note: the files do not state the number of videos for 7 dimensions
    "#]]
    .assert_eq(figures);
    let csv = workspace.run(["vbench", "total", "quality.json", "--format", "csv", "--allow-incomplete"]);
    assert!(csv.stdout.contains("t2v,total as VBench counts,mean,,"), "{}", csv.stdout);
}

#[test]
fn a_total_over_fewer_videos_does_not_look_like_one_over_all() {
    let workspace = Workspace::new();
    let first = |said: Said| said.stdout.lines().next().unwrap_or_default().to_owned();
    for (name, videos, head) in [
        ("subject_consistency", json!([]), "COMPLETE, BUT WITH FEWER VIDEOS THAN THE SUITE"),
        ("color", json!([{"video_path": "v/a-0.mp4", "video_results": 0.5}]), "COMPLETE  VBench"),
    ] {
        let mut all: serde_json::Map<String, Value> = VIDEOCRAFTER
            .iter()
            .map(|(name, percent)| ((*name).to_owned(), json!([percent / 100.0])))
            .collect();
        all.insert(name.into(), json!([0.5, videos]));
        workspace.write("all.json", Value::Object(all).to_string());
        let said = first(workspace.run(["vbench", "total", "all.json"]));
        assert!(said.starts_with(head), "{name}: {said}");
    }
}

#[test]
fn image_to_video_has_its_own_total() {
    let workspace = Workspace::new();
    let scores = [
        ("camera_motion", 35.44),
        ("i2v_subject", 96.71),
        ("i2v_background", 96.05),
        ("subject_consistency", 95.69),
        ("background_consistency", 97.38),
        ("motion_smoothness", 97.38),
        ("dynamic_degree", 47.40),
        ("aesthetic_quality", 66.46),
        ("imaging_quality", 69.34),
        ("temporal_flickering", 97.63),
    ];
    write_results(&workspace, "i2v.json", &scores);
    let said = workspace.run(["vbench", "total", "i2v.json", "--suite", "i2v"]);
    let (_, means) = said.stdout.split_once("\n\n").unwrap().1.split_once("\n\n").unwrap();
    expect![[r#"
        i2v       92.54 %
        quality   80.50 %
        total     86.52 %
        note: the files do not state the number of videos for 9 dimensions
    "#]]
    .assert_eq(means);
    check(
        &workspace,
        ["vbench", "total", "i2v.json"],
        &expect![[r#"
            exit 2
            error: camera_motion in i2v.json is not a dimension of VBench
            hint: add --suite i2v for VBench-I2V results
        "#]],
    );
}

#[test]
fn files_that_are_no_results_say_why() {
    let workspace = Workspace::new();
    let percent = json!({"imaging_quality": [67.22], "color": [0.5], "subject_consistency": [96.85]});
    workspace.write("percent.json", percent.to_string());
    check(
        &workspace,
        ["vbench", "total", "percent.json"],
        &expect![[r#"
            exit 2
            error: 2 scores are outside the range of a dimension:
              subject_consistency is 96.85 in percent.json
              imaging_quality is 67.22 in percent.json
            hint: scores range from 0 to 1, including imaging_quality; divide percentages by 100 in the file, vidbench rescales nothing
        "#]],
    );
    workspace.write("nan.json", "{\"temporal_flickering\": [NaN, []],\n\"scnee\": [0.5], \"color\": 1}");
    check(
        &workspace,
        ["vbench", "total", "nan.json"],
        &expect![[r#"
            exit 2
            error: nan.json has 3 problems:
              temporal_flickering[0]: NaN is not a number (hint: VBench writes NaN for a dimension if it read none of its videos; measure it again)
              scnee: unknown dimension "scnee" (hint: did you mean "scene"?)
              color: must be a list of the score and the results of the videos, found 1
            hint: it is read as *_eval_results.json: for each dimension a list of its score and its videos
        "#]],
    );
    write_results(&workspace, "a.json", &[("scene", 50.0)]);
    write_results(&workspace, "b.json", &[("scene", 51.0)]);
    check(
        &workspace,
        ["vbench", "total", "a.json", "b.json"],
        &expect![[r#"
            exit 2
            error: scene is 0.5 in a.json and 0.51 in b.json
            hint: pass the files of one model and one evaluation; VBench would silently use the last
        "#]],
    );
    check(
        &workspace,
        ["vbench", "total", "none.json"],
        &expect![[r#"
            exit 2
            error: cannot read none.json: No such file or directory (os error 2)
            hint: the suite is VBench_full_info.json from the vbench package; results are *_eval_results.json
        "#]],
    );
}

fn write_suite(workspace: &Workspace) {
    let entry = |prompt: &str, dimensions: &[&str]| json!({"prompt_en": prompt, "dimension": dimensions});
    let suite = json!([
        entry(STILL, &["temporal_flickering"]),
        entry(COLOR, &["color"]),
        entry("a fantasy landscape", &["scene", "background_consistency"]),
        entry("A fantasy landscape", &["overall_consistency"]),
        entry("a cat", &["scene", "background_consistency"]),
    ]);
    workspace.write("suite.json", suite.to_string());
}

fn write_clip(folder: &Path, name: &str, frames: usize) {
    let clip = render(&parse_prompt(STILL).unwrap(), 1);
    let data = clip.as_bytes()[..frames * clip.frame_len()].to_vec();
    let clip = FramesU8::new(frames, clip.height(), clip.width(), data).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    encode_h264(folder.join(name), &clip, &H264Options::new(Fps::new(8, 1).unwrap())).unwrap();
}

#[test]
fn a_folder_that_has_everything_is_ready() {
    let workspace = Workspace::new();
    write_suite(&workspace);
    let folder = workspace.path().join("videos");
    for index in 0..2 {
        write_clip(&folder.join("scene"), &format!("a cat-{index}.mp4"), 16);
        write_clip(&folder.join("scene"), &format!("a fantasy landscape-{index}.mp4"), 16);
        write_clip(&folder.join("temporal_flickering"), &format!("{STILL}-{index}.mp4"), 16);
    }
    let args =
        ["vbench", "check", "videos", "--full-info", "suite.json", "--clips-per-prompt", "2", "--dimension"];
    let with = |more: &[&str]| {
        let said = Said::from(workspace.command(args.iter().chain(more)).output().unwrap());
        format!("exit {}\n{}", said.code, said.stdout)
    };
    expect![[r#"
        exit 0
        COMPLETE AND SOUND  videos: 6 of 6 clips of 3 prompts, 6 of 6 decoded
        note: temporal_flickering: VBench asks for 25 clips per prompt, of which its static filter keeps up to 5; 1 prompt has
              fewer. If the clips have already passed the filter, they are enough
    "#]].assert_eq(&with(&["scene,temporal_flickering", "--progress", "none"]));
    expect![[r#"
        exit 0
        COMPLETE  videos: 4 of 4 clips of 2 prompts, nothing decoded
        note: 2 clips for other prompts or in other folders
    "#]]
    .assert_eq(&with(&["background_consistency", "--no-decode"]));
    let listed = workspace.run(["runs", "list"]).stdout;
    assert_eq!(listed.lines().count(), 1, "a check leaves no scoring behind: {listed}");
}

#[test]
fn everything_that_a_folder_lacks_is_listed_before_the_work() {
    let workspace = Workspace::new();
    write_suite(&workspace);
    let folder = workspace.path().join("videos");
    write_clip(&folder, "a cat-0.mp4", 16);
    write_clip(&folder, "a cat-0.MP4", 16);
    write_clip(&folder, "a cat.mp4", 16);
    write_clip(&folder, &format!("{COLOR}-0.mp4"), 4);
    write_clip(&folder, "A Small blue square moving right on a gray background-1.mp4", 16);
    write_clip(&folder, "a dog-0.mp4", 16);
    std::fs::write(folder.join(format!("{STILL}-0.mp4")), "").unwrap();
    std::fs::write(folder.join(format!("{STILL}-1.mp4")), "no video").unwrap();
    std::fs::write(folder.join(".DS_Store"), "").unwrap();
    let args = ["vbench", "check", "videos", "--full-info", "suite.json", "--clips-per-prompt", "2"];
    let with = |more: &[&str]| Said::from(workspace.command(args.iter().chain(more)).output().unwrap());
    let said = with(&["--min-frames", "8", "--progress", "none"]);
    expect![[r#"
        exit 1
        NOT READY  videos: 5 of 10 clips of 5 prompts, 4 of 6 decoded

        missing: prompts without a clip (2)
          a fantasy landscape [background_consistency, scene]
          A fantasy landscape [overall_consistency]

        short: prompts with some of their clips (1)
          a cat: missing 1 [background_consistency, scene]

        undecodable: files that are not sound videos (2)
          a large red circle moving left on a navy background-0.mp4: file is empty (0 bytes)
          a large red circle moving left on a navy background-1.mp4: not a video container: libav: Invalid data found when proc…

        few frames: clips shorter than requested (1)
          a small blue square moving right on a gray background-0.mp4: 4 frames

        colliding: files that claim to be the same clip (1)
          a cat-0.MP4 and a cat-0.mp4

        renamed: names that differ from the prompt, which VBench does not find (1)
          A Small blue square moving right on a gray background-1.mp4: different case

        unnumbered: names without -0 to -4, which VBench does not find (1)
          a cat.mp4

        unreadable: videos whose names identify no prompt (1)
          a dog-0.mp4: no known prompt

        suffix: entries that mislead VBench, which takes the suffix from any entry (2)
          .DS_Store, next to .mp4 clips
          a cat-0.MP4, next to .mp4 clips

        note: temporal_flickering: VBench asks for 25 clips per prompt, of which its static filter keeps up to 5; 1 prompt has
              fewer. If the clips have already passed the filter, they are enough
        note: "A fantasy landscape" and "a fantasy landscape" are the same file on a case-insensitive file system: sample them
              on a case-sensitive one
    "#]].assert_eq(&format!("exit {}\n{}", said.code, said.stdout));
    let data: Value = serde_json::from_str(&with(&["--json", "--progress", "none"]).stdout).unwrap();
    assert_eq!(data["undecodable"][0]["reason"], "file is empty (0 bytes)");
    assert_eq!(data["names"]["shortages"].as_array().unwrap().len(), 3);
    let said = with(&["--dimension", "colour"]);
    assert!(said.code == 2 && said.stderr.contains("did you mean \"color\"?"), "{}", said.stderr);
    let said = with(&["--dimension", "human_action"]);
    assert!(said.code == 2 && said.stderr.contains("has no prompt of human_action"), "{}", said.stderr);
}

#[test]
fn names_are_read_against_prompts() {
    let workspace = Workspace::new();
    write_suite(&workspace);
    write_clip(&workspace.path().join("fast"), &format!("{STILL}-0.mp4"), 16);
    write_clip(&workspace.path().join("fast"), "a dog-0.mp4", 16);
    write_clip(&workspace.path().join("full/temporal_flickering"), &format!("{STILL}-0.mp4"), 16);
    let score = |prompts: &[&str]| {
        let args = ["score", "fast", "--reference", "full", "--metrics", "psnr,shape_adherence", "--json"];
        let said = Said::from(workspace.command(args.iter().chain(prompts)).output().unwrap());
        let data: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        (said, data)
    };
    let (said, data) = score(&[]);
    assert_eq!(data["clips"][0]["prompt"], Value::Null);
    assert_eq!(data["clips"][0]["outcome"], "reference_missing");
    assert!(said.stderr.contains("pass the known prompts with --prompts FILE"), "{}", said.stderr);
    workspace.write("prompts.txt", format!("\u{feff}{STILL}\r\n\n  {COLOR}\n"));
    for prompts in ["suite.json", "prompts.txt", "shapes"] {
        let (said, data) = score(&["--prompts", prompts]);
        let [cat, still] = data["clips"].as_array().unwrap().as_slice() else { panic!("{data}") };
        assert_eq!((&cat["prompt"], &cat["outcome"]), (&Value::Null, &json!("reference_missing")));
        assert_eq!(
            (&still["prompt"], &still["index"], &still["outcome"]),
            (&json!(STILL), &json!(0), &json!("ok"))
        );
        assert!(said.stderr.contains("note: a dog-0.mp4: no known prompt"), "{}", said.stderr);
    }
    let (said, _) = score(&["--prompts", "prompts.csv"]);
    assert_eq!(said.code, 2);
    workspace.write("empty.txt", "\n");
    assert!(score(&["--prompts", "empty.txt"]).0.stderr.contains("empty.txt: the file contains no prompts"));
}

#[test]
fn a_scoring_becomes_vbenchs_files() {
    let workspace = Workspace::new();
    write_suite(&workspace);
    let folder = workspace.path().join("videos");
    for index in 0..5 {
        write_clip(&folder, &format!("{STILL}-{index}.mp4"), 16 - index);
    }
    write_clip(&folder, &format!("{STILL}-5.mp4"), 4);
    write_clip(&folder, &format!("{COLOR}-0.mp4"), 16);
    let score =
        ["score", "videos", "--prompts", "suite.json", "--metrics", "temporal_flickering,black_share", "-q"];
    assert_eq!(workspace.run(score).code, 0);
    let export =
        ["vbench", "export", "latest", "--output", "out", "--name", "try", "--full-info", "suite.json"];
    check(
        &workspace,
        export,
        &expect![[r#"
            exit 0
            wrote out/try_full_info.json
            wrote out/try_eval_results.json
            note: temporal_flickering is computed by its formula, but with interpolated chroma where OpenCV repeats it, which changes the value by up to about 0.001 on strongly coloured clips
            note: not VBench dimensions, so not written: black_share@1
            note: 2 clips are not among those that VBench scores for temporal_flickering
        "#]],
    );
    let read = |file: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(workspace.path().join("out").join(file)).unwrap())
            .unwrap()
    };
    let (info, results) = (read("try_full_info.json"), read("try_eval_results.json"));
    assert_eq!(info.as_array().unwrap().len(), 1);
    let videos = results["temporal_flickering"][1].as_array().unwrap();
    let paths: Vec<&Value> = videos.iter().map(|video| &video["video_path"]).collect();
    assert_eq!(paths, info[0]["video_list"].as_array().unwrap().iter().collect::<Vec<_>>());
    assert_eq!(videos.len(), 5);
    let mean = videos.iter().map(|video| video["video_results"].as_f64().unwrap()).sum::<f64>() / 5.0;
    assert_eq!(results["temporal_flickering"][0].as_f64(), Some(mean));
    assert_eq!(workspace.run(["vbench", "total", "out/try_eval_results.json"]).code, 3);

    std::fs::write(folder.join(format!("{STILL}-1.mp4")), "no video").unwrap();
    std::fs::remove_file(folder.join(format!("{STILL}-2.mp4"))).unwrap();
    assert_eq!(workspace.run(score).code, 1);
    check(
        &workspace,
        export,
        &expect![[r#"
            exit 1
            wrote out/try_full_info.json
            wrote out/try_eval_results.json
            note: temporal_flickering is computed by its formula, but with interpolated chroma where OpenCV repeats it, which changes the value by up to about 0.001 on strongly coloured clips
            note: not VBench dimensions, so not written: black_share@1
            note: 2 clips are not among those that VBench scores for temporal_flickering
            incomplete: "a large red circle moving left on a navy background": 3 of 5 clips
            incomplete: videos/a large red circle moving left on a navy background-1.mp4: not a video container: libav: Invalid data found when processing input
        "#]],
    );
    check(
        &workspace,
        ["vbench", "export", "latest", "--output", "out", "--name", "a:b"],
        &expect![[r#"
        exit 2
        error: "a:b" cannot begin a file name everywhere
        hint: name it without / \ : * ? " < > | and not with a dot first
    "#]],
    );
    assert_eq!(workspace.run(["score", "videos", "--metrics", "black_share", "-q"]).code, 1);
    check(
        &workspace,
        ["vbench", "export", "latest", "--output", "out"],
        &expect![[r#"
            exit 2
            error: the scoring has none of VBench's metrics: vbench.subject_consistency@1, vbench.background_consistency@1, vbench.temporal_flickering@1, temporal_flickering@1, vbench.motion_smoothness@1, vbench.dynamic_degree@1, vbench.aesthetic_quality@1, vbench.imaging_quality@1, vbench.human_action@1, vbench.appearance_style@1, vbench.temporal_style@1, vbench.overall_consistency@1, vbench_i2v.i2v_subject@1
            hint: score with --metrics vbench.subject_consistency@1, vbench.background_consistency@1, vbench.temporal_flickering@1, temporal_flickering@1, vbench.motion_smoothness@1, vbench.dynamic_degree@1, vbench.aesthetic_quality@1, vbench.imaging_quality@1, vbench.human_action@1, vbench.appearance_style@1, vbench.temporal_style@1, vbench.overall_consistency@1, vbench_i2v.i2v_subject@1
        "#]],
    );
}
