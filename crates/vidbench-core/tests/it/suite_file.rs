//! What a suite file may contain, and the messages a person gets when it contains anything else.

use expect_test::{Expect, expect};
use vidbench_core::suite::{self, ScenarioKind};

const GOOD: &str = r#"
schema_version = 1
name = "demo"
seeds = [1, 2]
metrics = ["temporal_flickering@1"]

[[models]]
id = "shapes-ldm"
engine = "embedded"

[prompts]
suite = "shapes"
limit = 8

[grid]
steps = [1, 4, 16]
size = ["64x64"]

[scenario]
kind = "offline"
"#;

fn check(text: &str, expected: Expect) {
    let problems = suite::parse(text).expect_err("the file has problems");
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn a_good_file_is_read_and_defaults_are_filled() {
    let suite = suite::parse(GOOD).unwrap();
    assert_eq!(suite.scenario.kind, ScenarioKind::Offline);
    assert_eq!((suite.repeats, suite.scenario.warmup, suite.limits.sample_timeout_secs), (1, 1, 600));
    assert_eq!(suite.grid.steps, Some(vec![1, 4, 16]));
}

#[test]
fn all_problems_are_listed_at_once_with_lines() {
    check(
        &GOOD
            .replace("seeds = [1, 2]", "seeds = []\nrepeat = 3")
            .replace("steps = [1, 4, 16]", "steps = [0, \"four\", 5000]")
            .replace("\"offline\"", "\"ofline\"")
            .replace("engine = \"embedded\"", "engnie = \"embedded\""),
        expect![[r#"
            line 4, column 9: `seeds` has 0 entries; it must have 1 to 10000
            line 5, column 1: unknown key `repeat` (hint: did you mean `repeats`?)
            line 8, column 1: missing key `models[0].engine` (hint: `engine`: How the model is run.)
            line 10, column 1: unknown key `models[0].engnie` (hint: did you mean `engine`?)
            line 17, column 10: `grid.steps[0]` is 0; it must be 1 to 1000
            line 17, column 13: `grid.steps[1]` must be an integer, not a quoted string
            line 17, column 21: `grid.steps[2]` is 5000; it must be 1 to 1000
            line 21, column 8: `scenario.kind` is "ofline"; it must be one of single-stream, offline (hint: did you mean "offline"?)"#]],
    );
}

#[test]
fn an_entry_that_stands_twice_is_named_however_it_is_written() {
    check(
        &GOOD
            .replace("seeds = [1, 2]", "seeds = [1, 8, 0x8]")
            .replace("steps = [1, 4, 16]", "steps = [4, 4]\nguidance = [2, 2.0]")
            .replace("\"offline\"", "\"ofline\""),
        expect![[r#"
            line 4, column 16: `seeds` lists 8 twice
            line 16, column 13: `grid.steps` lists 4 twice
            line 17, column 16: `grid.guidance` lists 2 twice
            line 21, column 8: `scenario.kind` is "ofline"; it must be one of single-stream, offline (hint: did you mean "offline"?)"#]],
    );
}

#[test]
fn rules_between_keys_are_checked() {
    check(
        &GOOD
            .replace("suite = \"shapes\"", "suite = \"shapes\"\nfile = \"x.toml\"")
            .replace("64x64", "64 x 64")
            .replace("\"embedded\"", "\"worker\""),
        expect![[r#"
            line 7, column 1: model shapes-ldm has engine worker, which needs `command`
            line 11, column 2: `suite` and `file` are mutually exclusive
            line 18, column 9: "64 x 64" is not a size: write WIDTHxHEIGHT, each 1 to 16384, such as "832x480""#]],
    );
}

#[test]
fn text_that_is_not_toml_says_where_reading_stopped() {
    check(
        "schema_version = 1\nname = \n",
        expect![[r#"line 2, column 8: string values must be quoted, expected literal string"#]],
    );
}

#[test]
fn ids_of_a_wrong_form_are_refused() {
    check(
        &GOOD.replace("\"shapes-ldm\"", "\"shapes ldm\""),
        expect![[
            r#"line 8, column 6: model id "shapes ldm" is not valid: use 1 to 128 letters, digits and . _ - /"#
        ]],
    );
}

#[test]
fn a_problem_of_a_list_points_at_its_entry() {
    let second = GOOD.replace("[prompts]", "[[models]]\nid = \"b\"\nengine = \"worker\"\n[prompts]");
    check(&second, expect!["line 11, column 1: model b has engine worker, which needs `command`"]);
}

#[test]
fn numbers_out_of_range_are_never_clamped() {
    check(
        &GOOD
            .replace("limit = 8", "limit = 99999999999999999999")
            .replace("schema_version = 1", "schema_version = 2"),
        expect![[r#"
            line 2, column 18: `schema_version` is 2; it must be 1
            line 13, column 9: `prompts.limit` is 99999999999999999999, which does not fit into 64 bits"#]],
    );
}

#[test]
fn infinities_are_not_numbers() {
    check(
        &GOOD.replace("steps = [1, 4, 16]", "guidance = [nan, inf, -1.0]"),
        expect![[r#"
            line 16, column 13: `grid.guidance[0]` must be a finite number
            line 16, column 18: `grid.guidance[1]` must be a finite number
            line 16, column 23: `grid.guidance[2]` is -1.0; it must be 0 to 100"#]],
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        let _ = suite::parse(&text);
    }

    #[test]
    fn no_edit_of_a_good_file_makes_the_parser_panic(at in 0..GOOD.len(), insert in "\\PC{0,8}", remove in 0..30_usize) {
        let end = (at + remove).min(GOOD.len());
        let _ = suite::parse(&format!("{}{insert}{}", &GOOD[..at], &GOOD[end..]));
    }
}
