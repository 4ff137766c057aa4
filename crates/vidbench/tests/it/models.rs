//! The catalogue from the command line.

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::workspace::Workspace;

#[track_caller]
fn check<const N: usize>(args: [&str; N], code: i32, expected: &Expect) {
    let said = Workspace::new().run(args);
    assert_eq!(said.code, code, "{}", said.stderr);
    expected.assert_eq(&(said.stdout + &said.stderr));
}

fn json<const N: usize>(args: [&str; N]) -> Vec<Value> {
    let said = Workspace::new().run(args);
    assert_eq!(said.code, 0, "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn a_model_is_shown_with_all_that_is_known() {
    check(
        ["models", "show", "wan-ai/wan2.1-t2v-1.3b-diffusers"],
        0,
        &expect![[r#"
            model          Wan-AI/Wan2.1-T2V-1.3B-Diffusers
            kind           checkpoint
            family         wan2.1
            engine         diffusers
            classes        WanPipeline
            tasks          t2v
            parameters     1.3 billion
            defaults       832x480, 81 frames, 16 fps, 50 steps, guidance 5
            rules          width and height are multiples of 16; frames are 4k+1
            licence        Apache-2.0
            device memory  8.19 GB, by its authors
            released       2025-02-25
            source         github:huggingface/diffusers@58eb52c0:docs/source/en/api/pipelines/wan.md
            status         runnable: WanPipeline made videos with random weights on 2026-11-27 (diffusers 0.42.1, torch 2.15.0+cu132); its own weights were never loaded

            # in a suite:
            [[models]]
            id = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
            engine = "diffusers"
            settings = { dtype = "bfloat16" }
        "#]],
    );
}

#[test]
fn unknown_names_come_with_the_nearest() {
    check(
        ["models", "show", "Wan-AI/Wan2.2-T2V-A14"],
        2,
        &expect![[r#"
            error: the catalogue has no model Wan-AI/Wan2.2-T2V-A14
            hint: did you mean Wan-AI/Wan2.2-T2V-A14B, Wan-AI/Wan2.2-T2V-A14B-Diffusers, bullerwins/Wan2.2-T2V-A14B-GGUF, QuantStack/Wan2.2-T2V-A14B-GGUF?
        "#]],
    );
}

#[test]
fn a_class_that_is_misspelt_comes_with_the_nearest() {
    check(
        ["models", "check", "WanPipelin"],
        2,
        &expect![[r#"
        error: there is neither a model nor a pipeline class WanPipelin
        hint: did you mean WanPipeline?
    "#]],
    );
}

#[test]
fn a_service_is_checked_by_no_class() {
    check(
        ["models", "check", "fal:fal-ai/wan-i2v"],
        2,
        &expect![[r#"
        error: fal:fal-ai/wan-i2v is run by fal queue, not by a pipeline class
        hint: name a program for it in a suite: engine = "command"
    "#]],
    );
}

#[test]
fn filters_leave_what_they_say() {
    let all = json(["models", "list", "--json"]);
    let runnable = json(["models", "list", "--status", "runnable", "--json"]);
    let declared = json(["models", "list", "--status", "declared", "--json"]);
    assert_eq!(all.len(), runnable.len() + declared.len());
    assert!(runnable.iter().all(|model| model["status"] == "runnable" && model["engine"] == "diffusers"));
    let small = json(["models", "list", "--max-memory", "12", "--json"]);
    assert!(!small.is_empty() && small.iter().all(|model| model["min_vram_gb"].as_f64().unwrap() <= 12.0));
    let i2v =
        json(["models", "list", "--task", "i2v", "--family", "wan2.1", "--kind", "checkpoint", "--json"]);
    assert!(
        !i2v.is_empty() && i2v.iter().all(|model| model["tasks"].as_array().unwrap().contains(&"i2v".into()))
    );
    let apache = json(["models", "list", "--licence", "apache", "--json"]);
    assert!(apache.iter().all(|model| model["licence"].as_str().unwrap().to_lowercase().contains("apache")));
}

#[test]
fn a_suite_that_breaks_the_rules_of_a_model_is_refused_before_it_runs() {
    let workspace = Workspace::new();
    let suite = r#"schema_version = 1
name = "rules"
seeds = [1]
[[models]]
id = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
engine = "diffusers"
[prompts]
suite = "core-t2v"
limit = 1
"#;
    workspace.write("suite.toml", format!("{suite}[grid]\nframes = [80]\nsize = [\"850x480\"]\n"));
    let said = workspace.run(["run", "suite.toml", "--dry-run"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("80 frames are not 4k+1: nearest are 77 and 81"), "{}", said.stderr);
    // Without a grid the model's own defaults hold; then only the environment is missing.
    workspace.write("suite.toml", suite);
    let said = Said::of(&workspace);
    assert!(said.contains("there is no environment diffusers"), "{said}");
    assert!(said.contains("vidbench env create diffusers"), "{said}");
}

struct Said;

impl Said {
    fn of(workspace: &Workspace) -> String {
        let output = workspace
            .command(["run", "suite.toml", "--dry-run"])
            .env("VIDBENCH_ENVS", workspace.path().join("envs"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    }
}
