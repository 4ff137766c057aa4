//! The output of `-h`, `--help` and the listings.

use expect_test::expect;

use crate::workspace::Workspace;

/// Libav's libraries bring in a hundred others; a program that loaded them all at its start would be slow to print
/// anything.
#[cfg(target_os = "linux")]
#[test]
fn libav_is_not_loaded_before_it_is_needed() {
    let workspace = Workspace::new();
    let listed = workspace.command(["--version"]).env("LD_TRACE_LOADED_OBJECTS", "1").output().unwrap();
    let libraries = String::from_utf8(listed.stdout).unwrap();
    assert!(libraries.contains("libc.so"), "{libraries}");
    assert!(!libraries.contains("libav") && !libraries.contains("libsws"), "{libraries}");
}

#[test]
fn short_help_fits_a_screen() {
    let said = Workspace::new().run(["-h"]);
    assert_eq!(said.code, 0);
    assert!(said.stdout.lines().count() <= 40, "{}", said.stdout);
    expect![[r#"
        Benchmark video diffusion models: quality, speed and memory in one run.

        Usage: vidbench [OPTIONS] <COMMAND>

        Commands:
          demo         Measure the embedded model and write a report; needs no GPU and no download
          init         Write a commented suite file to start from
          run          Run a suite, or continue a run that stopped
          score        Score existing videos, alone or against references
          features     Compare sets of clips by their feature files: distances, precision, recall
          metrics      List or explain metrics, or test the nets behind them on this machine
          reference    Create a reference set that others can compare with: video features in one file
          vbench       Work with VBench: total its results, check a folder, export scores as its files
          report       Write the HTML report of a run or scoring
          runs         List, show or remove runs and scorings
          export       Export the data of a run or scoring as JSON, JSON Lines or CSV
          list         List models, metrics or suites
          prompts      List, show or create prompt suites, or check a prompt against the policy
          nets         List, fetch, import or verify the weights of the nets that metrics need
          models       Browse the model catalogue, add to it, or check that a model really runs
          backup       Create, list, verify or restore backups of the workspace
          cache        Show or clear the cache of reusable results
          env          Create, list or remove Python environments for diffusers models
          worker       Run one of vidbench's own workers, or check a worker of yours
          doctor       Show what this machine has and lacks, and how to fix it
          schema       Print the JSON Schema of suite files, or a reference page
          completions  Print shell completions
          help         Print this message or the help of the given subcommand(s)

        Options:
          -h, --help     Print help (see more with '--help')
          -V, --version  Print version

        Global options:
              --workspace <DIR>  Folder of runs and videos [env: VIDBENCH_WORKSPACE=] [default: .vidbench]
              --color <WHEN>     When to use colours; auto follows the terminal and NO_COLOR [default: auto]
                                 [possible values: auto, always, never]
          -q, --quiet            Print only data and errors

        Start with `vidbench demo`. `vidbench help <command>` has examples.
    "#]]
    .assert_eq(&said.stdout);
}

#[test]
fn long_help_has_examples_and_exit_codes() {
    let workspace = Workspace::new();
    let said = workspace.run(["--help"]);
    assert!(said.stdout.contains("Examples:") && said.stdout.contains("130 interrupted"), "{}", said.stdout);
    for verb in ["run", "report", "export", "demo", "init"] {
        let help = workspace.run([verb, "--help"]).stdout;
        assert!(help.contains("Examples:"), "{verb}: {help}");
    }
}

#[test]
fn a_mistyped_verb_or_flag_gets_a_suggestion() {
    let workspace = Workspace::new();
    let said = workspace.run(["rnu"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("'run'") || said.stderr.contains("'runs'"), "{}", said.stderr);
    let said = workspace.run(["run", "x.toml", "--dry-rnu"]);
    assert!(said.stderr.contains("--dry-run"), "{}", said.stderr);
}

#[test]
fn listings_and_completions_work_without_a_workspace() {
    let workspace = Workspace::new();
    for args in [
        ["list", "models"],
        ["list", "metrics"],
        ["list", "suites"],
        ["prompts", "list"],
        ["completions", "bash"],
    ] {
        let said = workspace.run(args);
        assert_eq!(said.code, 0, "{args:?} {}", said.stderr);
        assert!(said.stdout.lines().count() >= 2, "{args:?} {}", said.stdout);
    }
    assert!(!workspace.path().join(".vidbench").exists());
}

#[test]
fn prompts_are_made_the_same_each_time_and_read_back() {
    let workspace = Workspace::new();
    let make = || {
        workspace
            .run(["prompts", "make", "--category", "camera-motion", "--count", "5", "--seed", "3"])
            .stdout
    };
    assert_eq!(make(), make());
    workspace.write("made.toml", make());
    let shown = workspace.run(["prompts", "show", "made.toml"]);
    assert_eq!((shown.code, shown.stdout.lines().count()), (0, 5), "{}", shown.stderr);
    let said = workspace.run(["prompts", "make", "--category", "camera", "--count", "5"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("camera-motion"), "{}", said.stderr);
}

#[test]
fn the_policy_can_be_asked() {
    let workspace = Workspace::new();
    assert_eq!(workspace.run(["prompts", "check", "a medieval (old) castle"]).code, 0);
    let said = workspace.run(["prompts", "check", "a cat \u{ff1c}SCRIPT>"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, "forbidden token \"<script\" at byte 6\n"));
}

#[test]
fn doctor_names_the_parts() {
    let said = Workspace::new().run(["doctor", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    let findings: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let names: Vec<&str> = findings.as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "system",
            "processor",
            "libav",
            "h264 encoder",
            "inference",
            "nets",
            "diffusers",
            "containers",
            "vmaf",
            "accelerator",
            "sensors",
            "cpu energy",
            "limits",
            "no network",
            "files",
            "workspace",
            "cache"
        ]
    );
}

#[test]
fn a_pipe_that_closes_is_no_error() {
    let workspace = Workspace::new();
    let command = format!("{} schema cli | head -1", env!("CARGO_BIN_EXE_vidbench"));
    let output = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(workspace.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "# Command line\n");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn doctor_says_how_to_make_the_environment_of_diffusers() {
    let workspace = Workspace::new();
    let envs = workspace.path().join("envs");
    // uv is there, Docker is not.
    let bin = workspace.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::copy("/bin/true", bin.join("uv")).unwrap();
    let with_path = |path: &std::path::Path| {
        let output =
            workspace.command(["doctor"]).env("VIDBENCH_ENVS", &envs).env("PATH", path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let doctor = || with_path(&bin);
    assert!(doctor().contains("Docker is not installed"), "{}", doctor());
    let without = with_path(std::path::Path::new("/nonexistent"));
    assert!(without.contains("uv, which creates Python environments, was not found"), "{without}");
    assert!(without.contains("pip install uv"), "{without}");
    let absent = doctor();
    assert!(absent.contains("there is no environment diffusers"), "{absent}");
    assert!(absent.contains("vidbench env create diffusers"), "{absent}");
    std::fs::create_dir_all(envs.join("diffusers")).unwrap();
    assert!(doctor().contains("is incomplete"));
    let record =
        r#"{"name": "diffusers", "python": "3.11", "diffusers": "0.42.1", "torch": "2.15", "extra": []}"#;
    std::fs::write(envs.join("diffusers/environment.json"), record).unwrap();
    let broken = doctor();
    assert!(broken.contains("environment diffusers has no Python: "), "{broken}");
    assert!(broken.contains("`vidbench env rm diffusers`, then `vidbench env create diffusers`"), "{broken}");
    let give_python = |name: &str| {
        let bin = envs.join(name).join("venv/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::copy("/bin/true", bin.join("python")).unwrap();
    };
    give_python("diffusers");
    assert!(doctor().contains("diffusers 0.42.1, torch 2.15, Python 3.11"));
    give_python("old");
    std::fs::write(
        envs.join("old/environment.json"),
        record.replace("0.42.1", "0.40.0").replace("\"diffusers\", \"python", "\"old\", \"python"),
    )
    .unwrap();
    assert!(doctor().contains("Python 3.11; old: diffusers 0.40.0, torch 2.15"), "{}", doctor());
}

/// uv explains what is wrong with a version of Python; the unfinished folder does not count as an environment.
#[cfg(unix)]
#[test]
fn an_environment_that_uv_cannot_make_is_none() {
    use std::os::unix::fs::PermissionsExt as _;

    let workspace = Workspace::new();
    let bin = workspace.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\necho 'error: No interpreter found for Python 3.12' >&2\nexit 2\n";
    std::fs::write(bin.join("uv"), script).unwrap();
    std::fs::set_permissions(bin.join("uv"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let create = |path: &std::path::Path| {
        let output = workspace
            .command(["env", "create", "diffusers", "--python", "3.12"])
            .env("VIDBENCH_ENVS", workspace.path().join("envs"))
            .env("PATH", path)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = create(std::path::Path::new("/nonexistent"));
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("uv, which creates Python environments, was not found"), "{told}");
    let (code, told) = create(&bin);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("No interpreter found for Python 3.12"), "{told}");
    assert!(told.contains("uv could not create the environment"), "{told}");
    let doctor = workspace.command(["doctor"]).env("VIDBENCH_ENVS", workspace.path().join("envs")).output();
    assert!(String::from_utf8(doctor.unwrap().stdout).unwrap().contains("is incomplete"));
}
