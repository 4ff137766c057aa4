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
            status         runnable: WanPipeline generated videos with random weights on 2026-11-29 (diffusers 0.42.1, torch 2.15.0+cu132); its own weights were never loaded

            # in a suite:
            [[models]]
            id = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
            engine = "diffusers"
            settings = { dtype = "bfloat16", dtypes = { vae = "float32" } }
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
fn a_task_that_nothing_does_comes_with_the_nearest() {
    check(
        ["models", "list", "--task", "t2vv"],
        2,
        &expect![[r#"
            error: no model in the catalogue does t2vv
            hint: did you mean t2v?
        "#]],
    );
}

#[test]
fn a_family_or_licence_that_nothing_has_comes_with_the_nearest() {
    check(
        ["models", "list", "--family", "wna2.1"],
        2,
        &expect![[r#"
            error: no model in the catalogue has a family containing "wna2.1"
            hint: did you mean "wan2.1"?
        "#]],
    );
    check(
        ["models", "list", "--licence", "Apache-3.0"],
        2,
        &expect![[r#"
            error: no model in the catalogue has a licence containing "Apache-3.0"
            hint: did you mean "Apache-2.0"?
        "#]],
    );
    check(
        ["models", "list", "--licence", "beerware"],
        2,
        &expect![[r#"
            error: no model in the catalogue has a licence containing "beerware"
            hint: `vidbench models list --json` prints the licence of each
        "#]],
    );
}

#[test]
fn who_may_download_and_how_long_a_video_may_be_is_shown() {
    let said = |id| Workspace::new().run(["models", "show", id]).stdout;
    assert!(said("nvidia/Cosmos-1.0-Diffusion-7B-Text2World").contains("gated: agree to the terms"));
    let rules = "frames are 17k+5; at least 124 frames; at most 345 frames";
    assert!(said("MiniMaxAI/MiniMax-H3").contains(rules));
}

#[test]
fn a_file_of_another_format_is_shown_with_what_it_is_put_into() {
    check(
        ["models", "show", "city96/Wan2.1-T2V-14B-gguf"],
        0,
        &expect![[r#"
            model       city96/Wan2.1-T2V-14B-gguf
            kind        checkpoint
            family      wan2.1 (gguf)
            engine      diffusers
            classes     WanPipeline
            loaded as   gguf, into Wan-AI/Wan2.1-T2V-14B-Diffusers
            tasks       t2v
            parameters  14 billion
            rules       width and height are multiples of 16; frames are 4k+1
            licence     not read
            source      github:leejet/stable-diffusion.cpp@97d29908:docs/wan.md
            status      runnable: WanPipeline/gguf generated videos with random weights on 2026-11-29 (diffusers 0.42.1, torch 2.15.0+cu132); its own weights were never loaded

            # in a suite:
            [[models]]
            id = "Wan-AI/Wan2.1-T2V-14B-Diffusers"
            engine = "diffusers"
            settings = { files = { transformer = "city96/Wan2.1-T2V-14B-gguf#FILE.gguf" }, dtype = "bfloat16", dtypes = { vae = "float32" } }
        "#]],
    );
}

#[test]
fn a_misspelt_model_of_a_suite_is_told_with_the_nearest() {
    let workspace = Workspace::new();
    let model = "[[models]]\nid = \"Wan-AI/Wan2.1-T2V-1.3B-Difusers\"\nengine = \"diffusers\"\n";
    workspace.write(
        "suite.toml",
        format!("schema_version = 1\nname = \"x\"\nseeds = [0]\n{model}[prompts]\nsuite = \"core-t2v\"\nlimit = 1\n"),
    );
    let said = workspace.run(["run", "suite.toml", "--dry-run"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("or did you mean Wan-AI/Wan2.1-T2V-1.3B-Diffusers?"), "{}", said.stderr);
}

#[test]
fn a_lora_is_shown_with_its_base() {
    check(
        ["models", "show", "Remade-AI/Crush"],
        0,
        &expect![[r#"
            model      Remade-AI/Crush
            kind       adapter
            family     wan2.1-i2v-480p lora (Remade)
            engine     diffusers
            classes    WanImageToVideoPipeline
            loaded as  lora, into Wan-AI/Wan2.1-I2V-14B-480P-Diffusers
            tasks      i2v lora
            defaults   832x480, 81 frames, 16 fps, 50 steps, guidance 5
            rules      width and height are multiples of 16; frames are 4k+1
            licence    not read
            source     https://huggingface.co/collections/Remade-AI/wan21-14b-480p-i2v-loras-67d0e26f08092436b585919b
            status     runnable: WanImageToVideoPipeline/lora generated videos with random weights on 2026-11-29 (diffusers 0.42.1, torch 2.15.0+cu132); its own weights were never loaded

            # in a suite:
            [[models]]
            id = "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers"
            engine = "diffusers"
            settings = { loras = [{ id = "Remade-AI/Crush", base = "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers" }], dtype = "bfloat16", dtypes = { vae = "float32" } }
        "#]],
    );
}

#[test]
fn what_a_service_asks_for_is_shown_with_its_source() {
    check(
        ["models", "show", "openai:sora-2"],
        0,
        &expect![[r#"
            model     openai:sora-2
            kind      endpoint
            family    openai
            engine    openai
            run by    POST /v1/videos (deprecated)
            tasks     t2v, i2v
            defaults  1280x720
            licence   not read
            price     $0.1 for 1 s of video (github:Comfy-Org/docs: prices of partner nodes, 211 credits a dollar; the vendor's own may differ)
            source    github:openai/openai-openapi@f85dbe22:openapi.yaml
            status    declared: it has not been run
        "#]],
    );
}

#[test]
fn a_model_of_ones_own_is_added_once_and_is_known() {
    let workspace = Workspace::new();
    let add = [
        "models",
        "add",
        "me/my-wan",
        "--class",
        "WanPipeline",
        "--size",
        "832x480",
        "--frames",
        "81",
        "--task",
        "t2v",
    ];
    let said = workspace.run(add);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let said = workspace.run(["models", "show", "me/my-wan"]);
    expect![[r#"
        model     me/my-wan
        kind      checkpoint
        family    yours
        engine    diffusers
        classes   WanPipeline
        tasks     t2v
        defaults  832x480, 81 frames
        rules     width and height are multiples of 16; frames are 4k+1
        licence   not read
        source    vidbench models add
        status    runnable: WanPipeline generated videos with random weights on 2026-11-29 (diffusers 0.42.1, torch 2.15.0+cu132); its own weights were never loaded

        # in a suite:
        [[models]]
        id = "me/my-wan"
        engine = "diffusers"
        settings = { dtype = "bfloat16" }
    "#]].assert_eq(&said.stdout);
    let said = workspace.run(add);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("the catalogue already has me/my-wan"), "{}", said.stderr);
    let said = workspace.run([
        "models",
        "add",
        "me/my-lora",
        "--class",
        "WanPipeline",
        "--part",
        "lora",
        "--base",
        "me/my-wan",
    ]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let said = workspace.run(["models", "search", "me/my"]);
    assert!(said.stderr.contains("2 models, 2 of them runnable"), "{}", said.stderr);
}

#[test]
fn a_model_that_cannot_be_added_is_refused() {
    check(
        ["models", "add", "me/a", "--class", "WanPipelin"],
        2,
        &expect![[r#"
        error: there is no pipeline class WanPipelin
        hint: did you mean WanPipeline?
    "#]],
    );
    check(
        ["models", "add", "me/a", "--class", "WanPipeline", "--frames", "80"],
        2,
        &expect![[r#"
            error: me/a: 80 frames are not 4k+1: nearest are 77 and 81
            hint: choose values that its class supports
        "#]],
    );
    check(
        ["models", "add", "me/a", "--class", "WanPipeline", "--size", "832"],
        2,
        &expect![[r#"
            error: "832" is not a size: write WIDTHxHEIGHT, each 1 to 16384, such as "832x480"
            hint: such as --size 832x480
        "#]],
    );
    check(
        ["models", "add", "me/a", "--class", "WanPipeline", "--task", "t2vv"],
        2,
        &expect![[r#"
            error: no model in the catalogue does t2vv
            hint: did you mean t2v?
        "#]],
    );
    check(
        ["models", "add", "me/a", "--class", "WanPipeline", "--part", "lora", "--base", "a\"b"],
        2,
        &expect![[r#"
            error: --base: model id "a\"b" is not valid: use 1 to 128 letters, digits and . _ - /
            hint: use its id on the hub
        "#]],
    );
    for option in ["--steps", "--fps"] {
        let said = Workspace::new().run(["models", "add", "me/a", "--class", "WanPipeline", option, "0"]);
        assert_eq!(said.code, 2);
        assert!(said.stderr.contains(&format!("{option} must be more than 0")), "{}", said.stderr);
    }
    let said = Workspace::new().run(["models", "add", "Lightricks/LTX-Video", "--class", "LTXPipeline"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("the catalogue already has Lightricks/LTX-Video"), "{}", said.stderr);
}

#[test]
fn a_file_of_ones_own_that_is_wrong_is_named() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path().join("catalogue")).unwrap();
    workspace.write("catalogue/models.toml", "family = 3");
    let said = workspace.run(["models", "list"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("models.toml") && said.stderr.contains("hint: fix the file"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_file_of_evidence_that_is_wrong_is_named_before_the_first_check() {
    let workspace = Workspace::new();
    workspace.write("evidence.toml", "found = 3");
    let said = workspace
        .command(["models", "check", "WanPipeline", "--evidence", "evidence.toml"])
        .env("VIDBENCH_ENVS", workspace.path().join("envs"))
        .output()
        .unwrap();
    let told = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(2));
    assert!(told.contains("evidence.toml"), "{told}");
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
    // Without a grid the model's own defaults apply; then only the environment is missing.
    workspace.write("suite.toml", suite);
    let said = Said::of(&workspace);
    assert!(said.contains("there is no environment diffusers"), "{said}");
    assert!(said.contains("vidbench env create diffusers"), "{said}");
}

#[test]
fn the_reference_suites_that_ship_are_planned() {
    let suites = concat!(env!("CARGO_MANIFEST_DIR"), "/../../suites/reference");
    let files: Vec<_> = std::fs::read_dir(suites).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() > 3);
    for file in files {
        let prepared = vidbench::read_suite(&file);
        assert!(prepared.is_ok(), "{}: {:?}", file.display(), prepared.err());
    }
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

/// The worker's default is the number type that works on every device; the authors may have used another one.
#[test]
fn a_model_that_nobody_gave_a_type_of_numbers_is_said_to_be_loaded_in_float32() {
    let workspace = Workspace::new();
    let said = |settings: &str| {
        let suite = format!(
            "schema_version = 1\nname = \"wan\"\nseeds = [1]\n[[models]]\nid = \"Wan-AI/Wan2.1-T2V-1.3B-Diffusers\"\nengine = \"diffusers\"\n\
             settings = {{ {settings} }}\n[prompts]\nsuite = \"core-t2v\"\nlimit = 1\n"
        );
        workspace.write("suite.toml", suite);
        let output =
            workspace.command(["run", "suite.toml"]).env("VIDBENCH_ENVS", workspace.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "there is no environment");
        String::from_utf8(output.stderr).unwrap()
    };
    let note = "is loaded in float32, but the documentation of its class uses bfloat16: `vidbench models show Wan-AI/Wan2.1-T2V-1.3B-Diffusers`";
    let without = said("");
    assert!(without.contains(note), "{without}");
    for told in ["dtype = \"bfloat16\"", "weights = \"random\", scale = \"tiny\""] {
        assert!(!said(told).contains("is loaded in float32"), "{told}");
    }
}

#[test]
fn a_word_that_nothing_has_is_answered_with_those_like_it() {
    let workspace = Workspace::new();
    let said = workspace.run(["models", "search", "wann", "t2v"]);
    assert_eq!(said.code, 0);
    assert!(said.stderr.starts_with("did you mean ") && said.stderr.contains("wan"), "{}", said.stderr);
    let found = workspace.run(["models", "search", "wan", "t2v"]);
    assert!(!found.stderr.contains("did you mean"), "{}", found.stderr);
}
