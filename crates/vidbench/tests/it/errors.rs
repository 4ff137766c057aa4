//! The messages a person gets when something is wrong: what, where, why, and what to do. The exit code is 2, and
//! nothing is created.

use expect_test::{Expect, expect};

use crate::workspace::{Workspace, suite, worker_suite};

fn check(text: &str, expected: &Expect) {
    let workspace = Workspace::new();
    workspace.write("suite.toml", text);
    let said = workspace.run(["run", "suite.toml"]);
    expected.assert_eq(&said.failure(&workspace));
    assert!(said.stdout.is_empty(), "stdout is for data: {}", said.stdout);
    assert!(!workspace.path().join(".vidbench/reports").exists());
}

#[test]
fn a_suite_that_is_not_there() {
    let workspace = Workspace::new();
    let said = workspace.run(["run", "nothing.toml"]);
    expect![[r#"
        exit 2
        error: cannot read suite nothing.toml: No such file or directory (os error 2)
        hint: `vidbench init` creates a suite to start from
    "#]]
    .assert_eq(&said.failure(&workspace));
}

#[test]
fn a_suite_that_is_not_text() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", [0xff, 0xfe, 0]);
    expect![[r#"
        exit 2
        error: cannot read suite suite.toml: the file is not UTF-8 text
        hint: `vidbench init` creates a suite to start from
    "#]]
    .assert_eq(&workspace.run(["run", "suite.toml"]).failure(&workspace));
}

#[test]
fn several_mistakes_at_once() {
    let text = suite("[1]", 2, "[0]").replace("limit = 2", "limt = 2").replace("\"test\"", "\"\"");
    check(
        &text,
        &expect![[r#"
        exit 2
        error: suite.toml has 3 problems:
          line 2, column 8: `name` has 0 characters; it must have 1 to 100
          line 13, column 1: unknown key `prompts.limt` (hint: did you mean `limit`?)
          line 16, column 10: `grid.steps[0]` is 0; it must be 1 to 1000
        hint: `vidbench schema suite` prints every key with its bounds
    "#]],
    );
}

#[test]
fn unknown_names() {
    let text = suite("[1]", 2, "[1]")
        .replace("shapes-ldm", "shape-ldm")
        .replace("\"shapes\"", "\"shaps\"")
        .replace("temporal_flickering@1", "temporal_flicker@1");
    check(
        &text,
        &expect![[r#"
            exit 2
            error: suite.toml has 3 problems:
              line 4, column 33: unknown metric "temporal_flicker@1" (hint: did you mean "temporal_flickering@1"?; `vidbench list metrics` shows all 63)
              line 7, column 1: unknown embedded model "shape-ldm" (hint: did you mean "shapes-ldm"?)
              line 11, column 1: unknown prompt suite "shaps" (hint: did you mean "shapes"?)
            hint: `vidbench schema suite` prints every key with its bounds
        "#]],
    );
}

#[test]
fn a_metric_of_files_of_features() {
    check(
        &suite("[1]", 2, "[1]").replace("temporal_flickering@1", "frechet_distance@1"),
        &expect![[r#"
            exit 2
            error: suite.toml has 1 problem:
              line 4, column 33: frechet_distance@1 is computed from feature files, which a run does not have (hint: compute it afterwards: `vidbench features FILE --reference FILE`)
            hint: `vidbench schema suite` prints every key with its bounds
        "#]],
    );
}

#[test]
fn zero_frames() {
    check(
        &(suite("[1]", 2, "[1]") + "frames = [0]\n"),
        &expect![[r#"
            exit 2
            error: suite.toml has 1 problem:
              line 17, column 11: `grid.frames[0]` is 0; it must be 1 to 10000
            hint: `vidbench schema suite` prints every key with its bounds
        "#]],
    );
}

#[test]
fn too_many_samples() {
    let seeds: Vec<u32> = (0..10_000).collect();
    let text = suite(&format!("{seeds:?}"), 500, "[1, 2]");
    check(
        &text.replace("name = \"test\"", "name = \"test\"\nrepeats = 1000"),
        &expect![[r#"
            exit 2
            error: suite.toml has 1 problem:
              line 1, column 1: the suite plans 10000000000 samples; limits.max_samples allows 1000000 (hint: reduce prompts.limit, seeds or grid, or raise limits.max_samples (at most 10000000))
            hint: `vidbench schema suite` prints every key with its bounds
        "#]],
    );
}

#[test]
fn a_worker_without_defaults_needs_its_parameters() {
    let text = worker_suite("[1]", "none", 9, "").replace("frames = [16]\n", "").replace("fps = [8.0]\n", "");
    check(
        &text,
        &expect![[r#"
            exit 2
            error: suite.toml has 1 problem:
              line 15, column 2: model rendered-shapes has no default for frames, fps (hint: add to [grid]: frames = [..], fps = [..])
            hint: `vidbench schema suite` prints every key with its bounds
        "#]],
    );
}

#[test]
fn a_disk_that_is_too_full() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", 1, "[1]") + "\n[limits]\nmin_free_disk_mib = 999999999\n");
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("MiB of disk space are free, but the run needs 999999999 MiB"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("hint: free some"), "{}", said.stderr);
    assert_eq!(workspace.run(["runs", "list", "--json"]).stdout.trim(), "[]", "no run was begun");
}

#[test]
fn a_workspace_that_cannot_be_made() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", 1, "[1]"));
    workspace.write("file", "");
    let said = workspace.run(["run", "suite.toml", "--workspace", "file"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.starts_with("error: "), "{}", said.stderr);
}

#[test]
fn a_store_of_a_newer_version() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1]", "none", 9, ""));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 0);
    let database = workspace.path().join(".vidbench/vidbench.db");
    // The user version is at byte 60 of the database header; the write-ahead log was merged into the database when the
    // run ended.
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[60..64].copy_from_slice(&9999_u32.to_be_bytes());
    std::fs::write(&database, bytes).unwrap();
    let said = workspace.run(["runs", "list"]);
    assert_eq!(said.code, 2, "{}", said.stdout);
    assert!(said.stderr.contains("version 9999"), "{}", said.stderr);
    assert!(said.stderr.contains("hint: "), "{}", said.stderr);
}

#[test]
fn a_suite_that_is_a_device_or_a_folder_is_refused_at_once() {
    let workspace = Workspace::new();
    for (file, why) in [("/dev/zero", "it is not a regular file"), ("/", "it is a folder")] {
        let said = workspace.run(["run", file]);
        assert_eq!(said.code, 2);
        assert!(said.stderr.contains(why), "{}", said.stderr);
    }
}

#[test]
fn a_grid_without_end_is_refused_before_it_is_written_out() {
    let values: Vec<String> = (1..=1000).map(|value| value.to_string()).collect();
    let all = values.join(", ");
    let workspace = Workspace::new();
    let text = suite("[1]", 1, &format!("[{all}]"))
        .replace("[grid]", &format!("[grid]\nframes = [{all}]\nfps = [{}]", values[..240].join(", ")));
    workspace.write("suite.toml", text);
    let said = workspace.run(["run", "suite.toml", "--dry-run"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("the grid has 240000000 combinations; at most 100000"), "{}", said.stderr);
}

#[test]
fn one_size_has_one_spelling() {
    let workspace = Workspace::new();
    let text = suite("[1]", 1, "[1]").replace("[grid]", "[grid]\nsize = [\"64x64\", \"064x64\", \"+64x64\"]");
    workspace.write("suite.toml", text);
    let said = workspace.run(["run", "suite.toml", "--dry-run"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("\"064x64\" is not a size"), "{}", said.stderr);
    assert!(said.stderr.contains("\"+64x64\" is not a size"), "{}", said.stderr);
}

#[test]
fn the_check_of_a_worker_checks_its_own_options() {
    for wrong in [["--steps", "0"], ["--frames", "0"], ["--fps", "nan"], ["--fps", "0"], ["--timeout", "0"]] {
        let said = Workspace::new().run(["worker", "check", wrong[0], wrong[1], "--", "true"]);
        assert_eq!(said.code, 2, "{wrong:?}: {}", said.stdout);
    }
}

#[test]
fn nothing_that_a_terminal_obeys_comes_from_a_file() {
    let workspace = Workspace::new();
    let text = suite("[1]", 1, "[1]").replace("name = \"", "name = \"\\u001b[31m\\u202e");
    workspace.write("suite.toml", text);
    workspace.write("keys.toml", "\"\\u001b[31m\" = 1\n");
    for args in
        [["run", "suite.toml", "--dry-run"], ["run", "suite.toml", "--no-such"], ["run", "keys.toml", "-q"]]
    {
        let said = workspace.run(args);
        let all = said.stdout + &said.stderr;
        assert!(!all.contains(['\u{1b}', '\u{202e}']), "{args:?}: {all:?}");
    }
}

#[test]
fn an_output_never_takes_the_place_of_a_database() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", 1, "[1]"));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 0);
    let said = workspace.run(["export", "latest", "--output", ".vidbench/vidbench.db"]);
    assert_eq!(said.code, 2, "{}", said.stdout);
    assert!(said.stderr.contains("it is a database"), "{}", said.stderr);
    assert_eq!(workspace.run(["runs", "rm", ""]).code, 2, "an unset variable names no run");
    assert_eq!(workspace.run(["runs", "list"]).code, 0);
}

#[test]
fn a_run_that_is_not_there() {
    let workspace = Workspace::new();
    let said = workspace.run(["run", "--resume", "latest"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("no workspace in .vidbench"), "{}", said.stderr);
}

/// A prompt suite about a cat and, if wanted, a shape.
fn cats(workspace: &Workspace, and: &str) {
    workspace.write(
        "prompts.toml",
        format!(
            "schema_version = 1\nname = \"cats\"\nversion = \"1\"\ntitle = \"Cats\"\ndescription = \"Cats.\"\nlicense = \"CC0-1.0\"\n\
             [[prompts]]\nid = \"cat\"\ntext = \"a cat on a mat\"\ncategory = \"scene\"\ndifficulty = \"easy\"\n{and}"
        ),
    );
    let text = suite("[1]", 2, "[1]").replace("suite = \"shapes\"", "file = \"prompts.toml\"");
    workspace.write("suite.toml", text);
}

#[test]
fn prompts_that_are_all_outside_the_grammar_are_refused_with_it_before_the_run() {
    let workspace = Workspace::new();
    cats(&workspace, "");
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("shapes-ldm accepts no prompts of cats"), "{}", said.stderr);
    assert!(said.stderr.contains("SHAPE       circle | square | triangle"), "{}", said.stderr);
}

#[test]
fn parameters_that_the_embedded_model_cannot_do_are_refused_before_the_run() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", 1, "[1]").replace("[grid]", "[grid]\nsize = [\"832x480\"]"));
    let said = workspace.run(["run", "suite.toml", "--dry-run"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(
        said.stderr.contains("shapes-ldm cannot do 832x480 pixels; ask for 64x64 pixels"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_prompt_outside_the_grammar_is_refused_with_the_grammar() {
    let workspace = Workspace::new();
    cats(
        &workspace,
        "[[prompts]]\nid = \"shape\"\ntext = \"a large red circle moving left on a gray background\"\n\
         category = \"shapes\"\ndifficulty = \"easy\"\n",
    );
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let data = workspace.export();
    let verdict = &data["samples"][0]["verdict"];
    assert_eq!(verdict["outcome"], "invalid_request");
    let reason = verdict["reason"].as_str().unwrap();
    assert!(reason.contains("circle"), "the grammar is shown: {reason}");
}

#[test]
fn a_prompt_that_the_policy_rejects_is_not_generated() {
    let workspace = Workspace::new();
    workspace.write(
        "prompts.toml",
        "schema_version = 1\nname = \"bad\"\nversion = \"1\"\ntitle = \"Bad\"\ndescription = \"Bad.\"\nlicense = \"CC0-1.0\"\n\
         [[prompts]]\nid = \"bad\"\ntext = \"a cat <script>alert(1)</script>\"\ncategory = \"scene\"\ndifficulty = \"easy\"\n",
    );
    let text = worker_suite("[1]", "none", 9, "")
        .replace("suite = \"shapes\"", "file = \"prompts.toml\"\npolicy = \"reject\"");
    workspace.write("suite.toml", text);
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let data = workspace.export();
    assert_eq!(data["samples"][0]["verdict"]["outcome"], "prompt_rejected");
    assert!(data["samples"][0]["generation"].is_null());
}
