//! What a manifest may contain, and the messages a person gets when it contains anything else.

use std::path::Path;

use expect_test::{Expect, expect, expect_file};
use proptest::prelude::*;
use serde_json::json;
use vidbench_core::ModelId;
use vidbench_core::manifest::{
    MAX_LINE_BYTES, MAX_LISTED_PROBLEMS, Manifest, ManifestClip, ManifestProblemKind, line_schema,
};

const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn check(text: &str, expected: Expect) {
    let errors = Manifest::parse(text.as_bytes()).expect_err("the file has problems");
    let lines: Vec<String> = errors
        .problems
        .iter()
        .map(|problem| match problem.kind.hint() {
            Some(hint) => format!("{problem} (hint: {hint})"),
            None => problem.to_string(),
        })
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn every_key_is_read() {
    let line = json!({"file": "a/b.mp4", "sha256": HASH, "prompt": "a fox", "seed": u64::MAX, "index": 3,
        "model": "Wan-AI/Wan2.1", "params": {"steps": 50, "nested": {"any": [1.5, null]}}});
    let manifest = Manifest::parse(line.to_string().as_bytes()).unwrap();
    let clip = &manifest.clips()[0];
    assert_eq!((clip.seed, clip.index, clip.sha256.as_deref()), (Some(u64::MAX), Some(3), Some(HASH)));
    assert_eq!(clip.model, Some(ModelId::new("Wan-AI/Wan2.1").unwrap()));
    assert_eq!(manifest.to_jsonl(), format!("{line}\n"));
}

#[test]
fn blank_lines_a_byte_order_mark_and_crlf_are_skipped() {
    let text = "\u{feff}{\"file\": \"a.mp4\"}\r\n\r\n  \n{\"file\": \"b.mp4\"}";
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    let files: Vec<&str> = manifest.clips().iter().map(|clip| clip.file.as_str()).collect();
    assert_eq!(files, ["a.mp4", "b.mp4"]);
}

#[test]
fn null_is_absent() {
    let line = r#"{"file": "a.mp4", "sha256": null, "prompt": null, "seed": null, "index": null, "model": null, "params": null}"#;
    let manifest = Manifest::parse(line.as_bytes()).unwrap();
    assert_eq!(manifest.clips(), [ManifestClip::of_file("a.mp4")]);
    assert!(Manifest::parse(br#"{"file": null}"#).is_err());
}

#[test]
fn a_hash_in_capitals_is_the_same_hash() {
    let line = json!({"file": "a.mp4", "sha256": HASH.to_uppercase()}).to_string();
    assert_eq!(Manifest::parse(line.as_bytes()).unwrap().clips()[0].sha256.as_deref(), Some(HASH));
}

#[test]
fn all_problems_are_listed_with_their_lines() {
    check(
        r#"{"file": "a.mp4", "promt": "a fox", "sede": 1, "fps": 8}
{"prompt": ""}

{"file": 3, "seed": -1, "index": 4294967296, "params": [], "model": "a b"}
{"file": "a.mp4", "file": "b.mp4", "sha256": "12"}
{"file": ""} trailing
["file"]
{"file": "x\u0000.mp4"}
{"file": "x/.."}
{"file": "a.mp4", "seed": 1.5"#,
        expect![[r#"
            line 1: unknown key "promt" (hint: did you mean "prompt"?)
            line 1: unknown key "sede" (hint: did you mean "seed"?)
            line 1: unknown key "fps" (hint: put your own keys under "params")
            line 2: missing key "file" (hint: each line is an object such as {"file": "clip.mp4", "prompt": "a red fox"})
            line 2: "prompt" is empty (hint: remove the key)
            line 4: "file" must be text, found 3
            line 4: "seed" must be a whole number from 0 to 2^64-1, found -1
            line 4: "index" must be a whole number from 0 to 2^32-1, found 4294967296
            line 4: "params" must be an object, found a list
            line 4: model id "a b" is not valid: use 1 to 128 letters, digits and . _ - /
            line 5: duplicate key "file"
            line 5: "sha256" "12" is not 64 hexadecimal digits
            line 6: not a JSON object: trailing characters, column 14
            line 7: not a JSON object: invalid type: sequence, expected an object, column 0
            line 8: "file" contains a NUL character
            line 9: "file" names a folder
            line 10: not a JSON object: EOF while parsing an object, column 29"#]],
    );
}

#[test]
fn the_same_file_or_the_same_clip_twice_is_a_problem() {
    check(
        r#"{"file": "a.mp4", "prompt": "a fox", "index": 0, "model": "m"}
{"file": "./a.mp4"}
{"file": "b.mp4", "prompt": "a fox", "index": 0, "model": "m"}
{"file": "c.mp4", "prompt": "a fox", "index": 1, "model": "m"}
{"file": "d.mp4", "prompt": "a fox", "index": 0, "model": "n"}
{"file": "e.mp4", "prompt": "a fox", "seed": 1}
{"file": "f.mp4", "prompt": "a fox", "seed": 2}
{"file": "/a.mp4"}"#,
        expect![[r#"
            line 2: duplicate file "./a.mp4", first listed in line 1 (hint: keep one of the lines)
            line 3: duplicate index 0 of prompt "a fox" for this model, first listed in line 1 (hint: number the clips of each model and prompt from 0 with "index")"#]],
    );
}

#[test]
fn an_empty_manifest_is_refused() {
    check(
        "\n \n",
        expect![[
            r#"line 1: the manifest has no clips (hint: each line is an object such as {"file": "clip.mp4", "prompt": "a red fox"})"#
        ]],
    );
}

#[test]
fn bytes_that_are_not_text_and_endless_lines_name_their_line() {
    let mut bytes = b"{\"file\": \"a.mp4\"}\n{\"file\": \"\xff\"}\n".to_vec();
    bytes.resize(bytes.len() + MAX_LINE_BYTES + 1, b'[');
    let errors = Manifest::parse(&bytes).unwrap_err();
    let kinds: Vec<_> = errors.problems.iter().map(|problem| (problem.line, problem.kind.clone())).collect();
    let too_long = ManifestProblemKind::LineTooLong { bytes: MAX_LINE_BYTES + 1 };
    assert_eq!(kinds, [(2, ManifestProblemKind::Encoding { at: 10 }), (3, too_long)]);
}

#[test]
fn deep_nesting_is_refused_without_a_crash() {
    let line = format!("{{\"file\": \"a\", \"params\": {}", "{\"a\": ".repeat(9000));
    let errors = Manifest::parse(line.as_bytes()).unwrap_err();
    assert!(errors.to_string().contains("recursion limit"), "{errors}");
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let errors = Manifest::parse("{}\n".repeat(MAX_LISTED_PROBLEMS + 5).as_bytes()).unwrap_err();
    assert_eq!((errors.problems.len(), errors.unlisted), (MAX_LISTED_PROBLEMS, 5));
    assert!(errors.to_string().ends_with("and 5 more"));
}

#[test]
fn a_path_stays_in_the_file_system() {
    let path = |file: &str, folder: &str| ManifestClip::of_file(file).path_in(Path::new(folder));
    assert_eq!(path("a.mp4", "clips"), Path::new("clips/a.mp4"));
    assert_eq!(path("../a.mp4", "clips"), Path::new("clips/../a.mp4"));
    assert_eq!(path("/data/a.mp4", "clips"), Path::new("/data/a.mp4"));
    assert_eq!(path("http://host/a.mp4", "").to_str(), Some("./http://host/a.mp4"));
}

#[test]
fn a_program_cannot_write_what_could_not_be_read() {
    let twice = vec![ManifestClip::of_file("a.mp4"), ManifestClip::of_file("a.mp4")];
    assert!(Manifest::new(twice).is_err());
    assert!(Manifest::new(vec![ManifestClip::of_file("")]).is_err());
    assert!(Manifest::new(Vec::new()).is_err());
}

#[test]
fn generated_schema_is_that_of_the_types() {
    let text = serde_json::to_string_pretty(&line_schema()).unwrap() + "\n";
    expect_file!["../../../../docs/reference/manifest.schema.json"].assert_eq(&text);
}

#[test]
fn the_example_of_the_page_is_a_manifest() {
    let page = include_str!("../../../../docs/manifest.md");
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(Manifest::parse(example.as_bytes()).map(|manifest| manifest.clips().len()), Ok(3));
}

fn clips() -> impl Strategy<Value = Vec<ManifestClip>> {
    let clip = ("[^/\0]{1,20}x", any::<Option<u64>>(), any::<Option<u32>>(), prop::option::of("\\PC{0,20}x"));
    prop::collection::vec(clip, 1..20).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered
            .map(|(n, (file, seed, index, prompt))| ManifestClip {
                seed,
                index,
                image: prompt.as_ref().map(|prompt| format!("images/{n}{}.png", prompt.len())),
                prompt: prompt.map(|prompt| format!("{n}{prompt}")),
                params: seed
                    .map(|seed| [("guidance".to_owned(), json!(seed as f64 / 7.0))].into_iter().collect()),
                ..ManifestClip::of_file(format!("{n}{file}"))
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(clips in clips()) {
        let manifest = Manifest::new(clips).unwrap();
        prop_assert_eq!(Manifest::parse(manifest.to_jsonl().as_bytes()).unwrap(), manifest);
    }
}

#[test]
fn fuzz_manifest() {
    let full = json!({"file": "a/b.mp4", "sha256": HASH, "prompt": "a fox", "seed": 1, "index": 3, "model": "m/n",
        "params": {"steps": 50, "deep": {"any": [1.5, null]}}});
    let seeds = [format!("{full}\n"), "{\"file\": \"c.mp4\"}\r\n\n".into()];
    let seeds: Vec<&[u8]> = seeds.iter().map(|seed| seed.as_bytes()).collect();
    crate::fuzz::mutate(&seeds, |bytes| match Manifest::parse(bytes) {
        Ok(manifest) => assert_eq!(Manifest::parse(manifest.to_jsonl().as_bytes()), Ok(manifest)),
        Err(errors) => assert!(!errors.problems.is_empty()),
    });
}
