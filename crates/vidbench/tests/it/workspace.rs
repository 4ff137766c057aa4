//! A temporary folder, the binary run in it, and its output.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Workspace {
    folder: TempDir,
}

/// The output of one call of the binary.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        // In the target folder, because a Chromium from a snap, as on Ubuntu, cannot see /tmp.
        Self { folder: TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(file);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vidbench"));
        command
            .args(args)
            .current_dir(self.path())
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            .env("VIDBENCH_NETS", self.path().join("nets"))
            .env("VIDBENCH_CATALOGUE", self.path().join("catalogue"))
            .stdin(Stdio::null());
        command.env_remove("VIDBENCH_WORKSPACE").env_remove("VIDBENCH_PROGRESS");
        command.env_remove("VIDBENCH_CACHE_SIZE").env_remove("VID_DIFFUSION_BENCH_CACHE_SIZE");
        command
    }

    pub(crate) fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Said {
        Said::from(self.command(args).output().unwrap())
    }

    /// The whole data of the newest run.
    pub(crate) fn export(&self) -> Value {
        let said = self.run(["export", "latest"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        serde_json::from_str(&said.stdout).unwrap()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// Exit code and stderr, for snapshots; the folder of the test is written as `DIR`.
    pub(crate) fn failure(&self, workspace: &Workspace) -> String {
        let folder = workspace.path().to_string_lossy().into_owned();
        format!("exit {}\n{}", self.code, self.stderr.replace(&folder, "DIR"))
    }
}

/// A small suite of the embedded model.
pub(crate) fn suite(seeds: &str, prompts: u32, steps: &str) -> String {
    format!(
        r#"schema_version = 1
name = "test"
seeds = {seeds}
metrics = ["shape_adherence@1", "temporal_flickering@1", "motion_magnitude@1"]

[[models]]
id = "shapes-ldm"
engine = "embedded"

[prompts]
suite = "shapes"
order_seed = 1
limit = {prompts}

[grid]
steps = {steps}
"#
    )
}

/// Adds a set metric, which computes features of its reference set in every new workspace and so takes seconds.
pub(crate) fn with_set(suite: &str) -> String {
    suite.replace("\"motion_magnitude@1\"]", "\"motion_magnitude@1\", \"frechet_shapes@1\"]")
}

/// A suite for the example worker with a fault at one seed.
pub(crate) fn worker_suite(seeds: &str, fault: &str, at_seed: u64, limits: &str) -> String {
    let worker = example("shapes_worker");
    format!(
        r#"schema_version = 1
name = "faults"
seeds = {seeds}
metrics = ["shape_adherence@1"]

[[models]]
id = "rendered-shapes"
engine = "worker"
command = [{worker:?}, {fault:?}, "{at_seed}"]

[prompts]
suite = "shapes"
limit = 2

[grid]
steps = [1]
guidance = [1.0]
frames = [16]
size = ["64x64"]
fps = [8.0]

[scenario]
warmup = 0

[retry]
attempts = 1

[breaker]
reopenings = 0

[limits]
{limits}
"#
    )
}

/// Cargo builds examples beside the tests and sets no variable with their path.
pub(crate) fn example(name: &str) -> String {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is built with the tests of this package", path.display());
    path.to_str().unwrap().to_owned()
}

/// Says that the rest of this test cannot run here, and why. At its end `make test` lists these reasons, from the file
/// that `VIDBENCH_TEST_SKIPPED` names.
pub(crate) fn skipped(why: &str) {
    let Some(list) = std::env::var_os("VIDBENCH_TEST_SKIPPED") else { return };
    let file = std::fs::File::options().create(true).append(true).open(list);
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    file.and_then(|mut file| file.write_all(format!("not run: {test}, because {why}\n").as_bytes())).unwrap();
}

/// Checks that the video of every sample of an export is in the workspace and has the content that its name states.
#[track_caller]
pub(crate) fn assert_whole_artifacts(workspace: &Workspace, data: &Value) {
    for sample in data["samples"].as_array().unwrap() {
        let Some(sha256) = sample["generation"]["artifact_sha256"].as_str() else { continue };
        let file = workspace.path().join(format!(".vidbench/artifacts/{}/{sha256}.mp4", &sha256[..2]));
        let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(vidbench_core::sha256_hex(&bytes), sha256, "{}", file.display());
    }
}
