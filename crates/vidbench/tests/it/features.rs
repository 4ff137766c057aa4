//! `vidbench features` on files of features.

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::workspace::Workspace;

/// A `.npy` file of 32-bit floats, as NumPy writes it.
fn npy(rows: usize, dims: usize, value: impl Fn(usize, usize) -> f32) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dims}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    let values = (0..rows).flat_map(|row| (0..dims).map(move |column| (row, column)));
    bytes.extend(values.flat_map(|(row, column)| value(row, column).to_le_bytes()));
    bytes
}

/// Numbers in -1..1 without a pattern that would affect a metric.
fn noise(row: usize, column: usize, seed: u64) -> f32 {
    let mut x = (row as u64) << 32 | (column as u64) << 8 | seed;
    for _ in 0..3 {
        x = (x ^ (x >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (x >> 40) as f32 / (1 << 23) as f32 - 1.0
}

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("real.npy", npy(40, 3, |row, column| noise(row, column, 1)));
    workspace.write("near.npy", npy(40, 3, |row, column| noise(row, column, 2)));
    workspace.write("far.npy", npy(40, 3, |row, column| 3.0 + noise(row, column, 2)));
    workspace.write("one.npy", npy(1, 3, |row, column| noise(row, column, 2)));
    workspace.write("nan.npy", npy(4, 3, |row, _| if row == 2 { f32::NAN } else { 0.0 }));
    workspace.write("few.npy", npy(5, 3, |row, column| noise(row, column, 3)));
    workspace.write("other.npy", npy(40, 2, |row, column| noise(row, column, 2)));
    workspace.write("text.npy", "no array");
    workspace.write("features.txt", "1 2 3");
    workspace
}

fn check(args: &[&str], expected: &Expect) {
    let said = workspace().run(args.iter());
    expected.assert_eq(&format!("exit {}\n{}{}", said.code, said.stdout, said.stderr));
}

#[test]
fn sets_stand_below_each_other_and_what_is_bad_is_named() {
    check(
        &[
            "features",
            "near.npy",
            "far.npy",
            "one.npy",
            "few.npy",
            "nan.npy",
            "text.npy",
            "other.npy",
            "features.txt",
            "--reference",
            "real.npy",
            "--resamples",
            "20",
            "--metrics",
            "frechet_distance,kernel_distance,feature_recall",
        ],
        &expect![[r#"
            exit 1
            8 sets against 40 clips of 3 dimensions (real.npy); ranges are 95 % intervals of 20 resamples

            set                  clips              frechet distance                kernel distance  feature recall
                          x dimensions                             ↓                              ↓               ↑
            near.npy           40 x 3                         0.017                         -0.057           1.000
                                                      0.000 to 0.068               -0.080 to -0.012  1.000 to 1.000
            far.npy            40 x 3                        26.462                       1026.725           0.000
                                                    25.334 to 27.750            911.279 to 1169.504  0.000 to 0.000
            one.npy             1 x 3                              –                              –               –
                                                       not available                  not available   not available
            few.npy             5 x 3                         0.089                         -0.161                –
                                        0.000 to 0.635, underpowered  -0.354 to 0.258, underpowered   not available
            nan.npy                  –                             –                              –               –
                              not read
            text.npy                 –                             –                              –               –
                              not read
            other.npy          40 x 2                              –                              –               –
                                                       not available                  not available   not available
            features.txt             –                             –                              –               –
                              not read

            note: nan.npy: array in the file has NaN at row 2, column 0 (counted from 0)
            note: text.npy: not a valid npy file: it does not begin with NumPy's magic string
            note: features.txt is not a feature file: it does not end in .npy, .npz or .safetensors (hint: save the features with numpy.save, numpy.savez or safetensors)
            note: one.npy: frechet_distance@1 is not available: 1 clips with features, but at least 2 are needed
            note: one.npy: kernel_distance@1 is not available: 1 clips with features, but at least 2 are needed
            note: one.npy: feature_recall@1 is not available: 1 clips with features, but at least 6 are needed
            note: few.npy: feature_recall@1 is not available: 5 clips with features, but at least 6 are needed
            note: other.npy: frechet_distance@1 is not available: features of 2 dimensions cannot be compared with 3
            note: other.npy: kernel_distance@1 is not available: features of 2 dimensions cannot be compared with 3
            note: other.npy: feature_recall@1 is not available: features of 2 dimensions cannot be compared with 3
            note: the sets differ in number of clips, which affects Fréchet distances: compare only sets with equal N
            note: underpowered: a set has fewer than two clips per dimension, so its Fréchet distance is mostly bias; use more clips or the kernel distance
        "#]],
    );
}

#[test]
fn a_metric_without_a_reference_and_other_forms() {
    let workspace = workspace();
    workspace.write("p.npy", npy(20, 2, |row, column| if row % 2 == column { 1.0 } else { 0.0 }));
    let args = ["features", "p.npy", "--metrics", "inception_score", "--resamples", "0", "--format"];
    let say = |format: &str| workspace.run(args.iter().copied().chain([format])).stdout;
    expect![[r#"
        set,metric,number,value,low,high,clips,reference_clips,underpowered,not_available,frames,reference_frames
        p.npy,inception_score@1,value,1.6,,,20,,false,,,
        p.npy,inception_score@1,split_sd,0.48989794855663565,,,20,,false,,,
        1 set; no intervals.

        | set | clips x dimensions | inception score ↑ |
        | --- | ---: | ---: |
        | p.npy | 20 x 2 | 1.600 |
        % \usepackage{booktabs}
        \begin{tabular}{lrr}
        \toprule
        set & clips & inception score \\
         & x dimensions & $\uparrow$ \\
        \midrule
        p.npy & 20 x 2 & 1.600 \\
        \bottomrule
        \end{tabular}
    "#]]
    .assert_eq(&(say("csv").replace("\r\n", "\n") + &say("markdown") + &say("latex")));
}

#[test]
fn shards_give_the_bits_of_one_file_on_any_number_of_threads() {
    let workspace = workspace();
    workspace.write("a.npy", npy(25, 3, |row, column| noise(row, column, 2)));
    workspace.write("b.npy", npy(15, 3, |row, column| noise(row + 25, column, 2)));
    let scores = |args: &[&str]| -> Value {
        let said = workspace.run(["features", "--json"].iter().chain(args).copied());
        assert_eq!(said.code, 0, "{}", said.stderr);
        let data: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(data["sets"].as_array().unwrap().len(), 1);
        data["sets"][0]["scores"].clone()
    };
    let whole = scores(&["near.npy", "--reference", "real.npy", "--threads", "1"]);
    assert_eq!(whole.as_array().unwrap().len(), 9);
    assert_eq!(scores(&["near.npy", "--reference", "real.npy", "--threads", "8"]), whole);
    assert_eq!(scores(&["a.npy", "b.npy", "--join", "--reference", "real.npy", "--threads", "2"]), whole);
}

#[test]
fn wrong_requests_say_what_to_do() {
    check(
        &["features", "near.npy"],
        &expect![[r#"
            exit 2
            error: feature_coverage@1 compares two sets, and no reference was given
            hint: add --reference FILE with the reference features
        "#]],
    );
    check(
        &["features", "near.npy", "--reference", "absent.npy"],
        &expect![[r#"
        exit 2
        error: cannot read absent.npy: No such file or directory (os error 2)
    "#]],
    );
    check(
        &["features", "near.npy", "--reference", "nan.npy"],
        &expect![[r#"
        exit 2
        error: nan.npy: array in the file has NaN at row 2, column 0 (counted from 0)
    "#]],
    );
    check(
        &["features", "near.npy", "--reference", "real.npy", "--metrics", "ssim"],
        &expect![[r#"
            exit 2
            error: ssim@1 is computed from clips, not from feature files
            hint: use `vidbench score VIDEOS` for clip metrics
        "#]],
    );
    check(
        &["features", "near.npy", "other.npy", "--join", "--reference", "real.npy"],
        &expect![[r#"
            exit 2
            error: the files are not shards of one set: features of clip 40 have 2 dimensions, those of clip 0 have 3
        "#]],
    );
    check(
        &["features", "near.npy", "./near.npy", "--join", "--reference", "real.npy"],
        &expect![[r#"
            exit 2
            error: shard ./near.npy is given twice: it holds the same bytes as near.npy
            hint: give each shard once
        "#]],
    );
}

#[test]
fn an_array_is_not_asked_of_a_reference_whose_array_has_no_name() {
    let workspace = workspace();
    let header = r#"{"a":{"dtype":"F32","shape":[3,3],"data_offsets":[0,36]},"b":{"dtype":"F32","shape":[3,3],"data_offsets":[36,72]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((0..18).flat_map(|at| noise(at, 0, 5).to_le_bytes()));
    workspace.write("two.safetensors", bytes);
    let args =
        ["features", "two.safetensors", "--array", "a", "--metrics", "frechet_distance", "--reference"];
    let of_npy = workspace.run(args.iter().chain(&["real.npy"]));
    assert_eq!(of_npy.code, 0, "{}", of_npy.stderr);
    // Where arrays have names, --array also names that of the reference.
    let of_named = workspace.run(args.iter().chain(&["two.safetensors"]));
    assert_eq!(of_named.code, 0, "{}", of_named.stderr);
    let asked = workspace.run(args.iter().chain(&["real.npy", "--reference-array", "a"]));
    assert!(asked.stderr.contains("there is no array \"a\""), "{}", asked.stderr);
}
