//! Files of VBench: what is accepted, what is refused and how, and that written files read back equal.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;
use vidbench_core::vbench::{
    Dimension, DimensionResult, EvalResults, FullInfo, MAX_FILE_BYTES, MAX_LISTED_PROBLEMS, PromptEntry,
    VbenchErrors, VbenchProblemKind, VideoResult,
};

use crate::fuzz;

/// As Python's `json.dump(..., indent=4)` writes the suite.
const SUITE: &str = r#"[
    {
        "prompt_en": "a red bicycle",
        "dimension": [
            "color"
        ],
        "auxiliary_info": {
            "color": {
                "color": "red"
            }
        }
    },
    {
        "prompt_en": "the rock-carved fa\u00e7ades",
        "dimension": [
            "scene",
            "background_consistency"
        ],
        "image_name": "\ud83e\udd8a.jpg",
        "video_list": [
            "videos/the rock-carved fa\u00e7ades-0.mp4"
        ]
    }
]"#;

const RESULTS: &str = r#"{
    "color": [
        0.5,
        [
            {
                "video_path": "videos/a red bicycle-0.mp4",
                "video_results": 0.9375,
                "cur_success_frame_rate": 0.9375
            }
        ]
    ],
    "human_action": [
        1,
        [
            {
                "video_path": "videos/A person is clay pottery making-0.mp4",
                "video_results": true,
                "cor_num_per_video": 1
            }
        ]
    ],
    "scene": [
        0.25
    ]
}"#;

fn shown(errors: &VbenchErrors) -> String {
    let line = |problem: &vidbench_core::vbench::VbenchProblem| match problem.kind.hint() {
        Some(hint) => format!("{problem} (hint: {hint})"),
        None => problem.to_string(),
    };
    errors.problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn suite_problems(text: &str, expected: Expect) {
    expected.assert_eq(&shown(&FullInfo::parse(text.as_bytes()).expect_err("the file has problems")));
}

fn result_problems(text: &str, expected: Expect) {
    expected.assert_eq(&shown(&EvalResults::parse(text.as_bytes()).expect_err("the file has problems")));
}

#[test]
fn a_suite_keeps_what_it_does_not_know_and_is_written_as_python_writes_it() {
    let suite = FullInfo::parse(SUITE.as_bytes()).unwrap();
    let [bicycle, rock] = suite.entries() else { panic!("{suite:?}") };
    assert_eq!(bicycle.auxiliary_info, Some(json!({"color": {"color": "red"}})));
    assert_eq!(rock.dimensions, [Dimension::Scene, Dimension::BackgroundConsistency]);
    assert_eq!(rock.extras["image_name"], "\u{1f98a}.jpg");
    assert_eq!(rock.video_list.as_deref(), Some(&["videos/the rock-carved façades-0.mp4".to_owned()][..]));
    assert_eq!(suite.to_json(), SUITE);
    assert_eq!(suite.of(Dimension::Scene).count(), 1);
}

#[test]
fn results_keep_what_they_do_not_know_and_are_written_as_python_writes_them() {
    let results = EvalResults::parse(RESULTS.as_bytes()).unwrap();
    assert_eq!(results.get(Dimension::HumanAction).unwrap().score, 1.0);
    assert_eq!(results.get(Dimension::Scene).unwrap().videos, None);
    let video = &results.get(Dimension::Color).unwrap().videos.as_ref().unwrap()[0];
    assert_eq!(video.extras["cur_success_frame_rate"], 0.9375);
    // A whole number is written as a float: Python reads 1.0 where it wrote 1.
    assert_eq!(results.to_json(), RESULTS.replace("        1,\n", "        1.0,\n"));
}

#[test]
fn a_dimension_has_two_spellings() {
    for name in ["subject_consistency", "subject consistency", "Subject Consistency"] {
        assert_eq!(name.parse(), Ok(Dimension::SubjectConsistency));
    }
    assert_eq!("Video-Text Camera Motion".parse(), Ok(Dimension::CameraMotion));
    for dimension in Dimension::ALL {
        assert_eq!(dimension.key().parse(), Ok(dimension));
        assert_eq!(dimension.words().parse(), Ok(dimension));
        assert_eq!(json!(dimension), dimension.key());
    }
}

#[test]
fn all_problems_of_a_suite_are_listed_with_their_places() {
    suite_problems(
        r#"[{"prompt": "a cat", "dimension": ["color"]},
            {"prompt_en": " ", "dimension": []},
            {"prompt_en": 3, "dimension": ["colour", "color", "color"]},
            {"prompt_en": "a dog", "dimension": "color", "video_list": [1], "auxiliary_info": [NaN]},
            {"prompt_en": "a dog", "prompt_en": "a dog", "dimension": ["color", "scene"]},
            "a cow",
            {"prompt_en": "an ox", "dimension": ["Mechanics"]},
            {"prompt_en": "a hen", "dimension": ["color"], "video_list": ["v-0.mp4", "v-0.mp4"]}]"#,
        expect![[r#"
            [3].auxiliary_info[0]: NaN is not a number (hint: VBench writes NaN for a dimension if it read none of its videos; measure it again)
            [4]: duplicate key "prompt_en"
            [0]: missing key "prompt_en" (hint: did you mean "prompt"?)
            [1].prompt_en: the prompt is empty
            [1].dimension: there are no dimensions
            [2].prompt_en: must be text, found 3
            [2].dimension: unknown dimension "colour" (hint: did you mean "color"?)
            [2].dimension: duplicate dimension color
            [3].video_list[0]: must be text, found 1
            [3].auxiliary_info: must be an object, found a list
            [5]: must be an object with "prompt_en" and "dimension", found text
            [6].dimension: unknown dimension "Mechanics" (hint: VBench-2.0 and VBench-Long have other dimensions, which are not part of these totals)
            [4]: prompt "a dog" is already in [3] for color (hint: keep one of the entries)
            [7].video_list: duplicate video "v-0.mp4""#]],
    );
    suite_problems("[]", expect!["there are no prompts"]);
    suite_problems("{}", expect!["must be a list of prompts, found an object"]);
    suite_problems("[1, 2", expect!["not JSON: EOF while parsing a list at line 1 column 5"]);
}

#[test]
fn all_problems_of_results_are_listed_with_their_places() {
    result_problems(
        r#"{"temporal_flickering": [NaN, []],
            "subject consistency": [0.5],
            "subject_consistency": [0.5, [{"video_path": "a-0.mp4", "video_results": -Infinity, "note": "NaN"}]],
            "color": 0.5,
            "scene": [],
            "object_class": ["0.5", {}],
            "human_action": [true, [{"video_path": 1, "video_results": 1}, {"path": "b", "video_results": []}, 3]],
            "dynamic_degre": [0.5],
            "imaging_quality": [0.5, [{"video_path": "a", "video_results": 1}, {"video_path": "a", "video_results": 2}], 3],
            "multiple_objects": [0.5, [{"video_path": "a", "video_results": 1}, {"video_path": "a", "video_results": 2}]],
            "color": [0.5]}"#,
        expect![[r#"
            temporal_flickering[0]: NaN is not a number (hint: VBench writes NaN for a dimension if it read none of its videos; measure it again)
            subject_consistency[1][0].video_results: -Infinity is not a number (hint: VBench writes NaN for a dimension if it read none of its videos; measure it again)
            duplicate key "color"
            subject_consistency: duplicate dimension subject_consistency
            color: must be a list of the score and the results of the videos, found 0.5
            scene: must be a list of the score and the results of the videos, found a list of 0
            object_class[0]: must be a number, found text
            object_class[1]: must be a list of videos, found an object
            human_action[0]: must be a number, found true
            human_action[1][0].video_path: must be text, found 1
            human_action[1][1]: missing key "video_path"
            human_action[1][2]: must be an object with "video_path" and "video_results", found 3
            dynamic_degre: unknown dimension "dynamic_degre" (hint: did you mean "dynamic_degree"?)
            imaging_quality: must be a list of the score and the results of the videos, found a list of 3
            multiple_objects[1]: duplicate video "a"
            color: duplicate dimension color"#]],
    );
    result_problems("{}", expect!["there are no dimensions"]);
    result_problems("[0.5]", expect!["must be an object with a list for each dimension, found a list"]);
    result_problems("", expect!["not JSON: EOF while parsing a value at line 1 column 0"]);
    result_problems(r#"{"scene": [1e999]}"#, expect!["not JSON: number out of range at line 1 column 16"]);
}

#[test]
fn a_prompt_may_serve_two_entries_of_different_dimensions() {
    let entry =
        |dimension: &str| json!({"prompt_en": "The bund Shanghai, oil painting", "dimension": [dimension]});
    let text = json!([entry("appearance_style"), entry("overall_consistency")]).to_string();
    let suite = FullInfo::parse(text.as_bytes()).unwrap();
    assert_eq!(suite.shared_prompts(), ["The bund Shanghai, oil painting"]);
    // For a user's own files VBench writes one entry per video.
    let of_file = |file: &str| json!({"prompt_en": "a cat", "dimension": ["color"], "video_list": [file]});
    assert!(FullInfo::parse(json!([of_file("a-0.mp4"), of_file("a-1.mp4")]).to_string().as_bytes()).is_ok());
    assert!(FullInfo::parse(json!([of_file("a-0.mp4"), of_file("a-0.mp4")]).to_string().as_bytes()).is_err());
}

#[test]
fn size_depth_and_encoding_are_bounded() {
    let large = vec![b' '; MAX_FILE_BYTES + 1];
    assert_eq!(
        FullInfo::parse(&large).unwrap_err().problems[0].kind,
        VbenchProblemKind::TooLarge { bytes: large.len() }
    );
    let deep = "[".repeat(100_000);
    result_problems(&deep, expect!["not JSON: recursion limit exceeded at line 1 column 128"]);
    let wrong = FullInfo::parse(b"[\"\xff\"]").unwrap_err();
    assert_eq!(wrong.problems[0].kind, VbenchProblemKind::Encoding { at: 2 });
    let many = format!("[{}1]", "1,".repeat(MAX_LISTED_PROBLEMS + 4));
    let errors = FullInfo::parse(many.as_bytes()).unwrap_err();
    assert_eq!((errors.problems.len(), errors.unlisted), (MAX_LISTED_PROBLEMS, 5));
    assert!(errors.to_string().ends_with("and 5 more"));
    assert!(EvalResults::parse("\u{feff}{\"scene\": [0.5]}".as_bytes()).is_ok());
}

#[test]
fn what_a_program_makes_is_checked_too() {
    let result = |score: f64| DimensionResult { dimension: Dimension::Scene, score, videos: None };
    assert!(EvalResults::new(vec![result(f64::NAN)]).is_err());
    assert!(EvalResults::new(vec![result(0.5), result(0.5)]).is_err());
    assert!(EvalResults::new(vec![]).is_err());
    assert!(FullInfo::new(vec![]).is_err());
}

#[test]
fn fuzz_vbench() {
    let seeds: [&[u8]; 3] = [SUITE.as_bytes(), RESULTS.as_bytes(), b"{\"scene\": [NaN, [-Infinity]]}"];
    fuzz::mutate(&seeds, |bytes| {
        if let Ok(suite) = FullInfo::parse(bytes) {
            assert_eq!(FullInfo::parse(suite.to_json().as_bytes()), Ok(suite));
        }
        if let Ok(results) = EvalResults::parse(bytes) {
            assert_eq!(EvalResults::parse(results.to_json().as_bytes()), Ok(results));
        }
    });
}

fn dimensions() -> impl Strategy<Value = Vec<Dimension>> {
    proptest::sample::subsequence(Dimension::ALL.to_vec(), 1..=19)
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = FullInfo::parse(&bytes);
        let _ = EvalResults::parse(&bytes);
    }

    #[test]
    fn every_result_reads_back(
        dimensions in dimensions(),
        score in -1e300..1e300_f64,
        paths in proptest::collection::btree_set(any::<String>(), 0..4),
    ) {
        let video = |path: &String| VideoResult::new(path.clone(), serde_json::Number::from_f64(score).unwrap());
        let result = |dimension| DimensionResult {
            dimension,
            score,
            videos: Some(paths.iter().map(video).collect()),
        };
        let results = EvalResults::new(dimensions.into_iter().map(result).collect()).unwrap();
        let text = results.to_json();
        prop_assert!(text.is_ascii());
        prop_assert_eq!(EvalResults::parse(text.as_bytes()), Ok(results));
    }

    #[test]
    fn every_suite_reads_back(
        prompts in proptest::collection::btree_set("\\PC{1,30}[a-z\u{e7}\u{1f98a}]", 1..5),
        dimensions in dimensions(),
        videos in proptest::option::of(proptest::collection::vec("[a-z/]{12}", 1..2)),
    ) {
        let entry = |prompt: String| PromptEntry {
            video_list: videos.clone().map(|list| list.iter().map(|path| format!("{prompt}{path}")).collect()),
            prompt_en: prompt,
            dimensions: dimensions.clone(),
            auxiliary_info: None,
            extras: serde_json::Map::new(),
        };
        let suite = FullInfo::new(prompts.into_iter().map(entry).collect()).unwrap();
        prop_assert_eq!(FullInfo::parse(suite.to_json().as_bytes()), Ok(suite));
    }
}
