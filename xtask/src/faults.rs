//! `cargo xtask faults [COUNT] [SEED]`: injects hundreds of faults and checks whether anything was lost, duplicated or
//! damaged.
//!
//! Every scenario is compared with an undisturbed run: each planned sample has exactly one verdict, the same one as
//! there, and the same video. CI runs a small part of this as tests (`crates/vidbench/tests/it/kill.rs`, `faults.rs`,
//! `backup.rs`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use serde_json::{Value, json};

const DEFAULT_COUNT: u32 = 200;

/// The findings of a scenario.
struct Found {
    faults: u32,
    told: String,
}

/// The fault of the example worker (`crates/vidbench/examples/shapes_worker.rs`) at one seed, and the outcome of a
/// sample with that seed.
type Misbehaviour = (&'static str, &'static str);

const MEMORY_BOMBS: [Misbehaviour; 2] = [("swell", "out_of_memory"), ("swell-in-a-child", "out_of_memory")];

const BROKEN_MESSAGES: [Misbehaviour; 10] = [
    ("rubbish", "protocol_error"),
    ("half-an-answer", "worker_crashed"),
    ("answer-twice", "protocol_error"),
    ("answers-elsewhere", "protocol_error"),
    ("lies-about-time", "protocol_error"),
    ("immense", "protocol_error"),
    ("no-file", "invalid_output"),
    ("link", "invalid_output"),
    ("not-a-video", "decode_failed"),
    ("die", "worker_crashed"),
];

type Scenario = fn(&mut Bench, u32) -> Result<Found>;

type Essence = BTreeMap<String, Value>;

struct Bench {
    vidbench: PathBuf,
    worker: PathBuf,
    rng: ChaCha8Rng,
    calm: Essence,
    usual: Duration,
}

pub fn run(count: Option<&str>, seed: Option<&str>) -> Result<()> {
    let count = count.map_or(Ok(DEFAULT_COUNT), str::parse).context("COUNT must be a number")?;
    let seed = seed.map_or(Ok(1), str::parse::<u64>).context("SEED must be a number")?;
    let root = crate::root();
    let built = crate::cargo().args(["build", "--workspace", "--all-targets", "--locked"]).status()?;
    ensure!(built.success(), "the workspace does not build");
    let programs = root.join("target/debug");
    let mut bench = Bench {
        vidbench: programs.join("vidbench").canonicalize()?,
        worker: programs.join("examples/shapes_worker").canonicalize()?,
        rng: ChaCha8Rng::seed_from_u64(seed),
        calm: Essence::new(),
        usual: Duration::ZERO,
    };
    let began = Instant::now();
    let calm = bench.workspace()?;
    let said = bench.run(calm.path(), &["run", "suite.toml"])?;
    ensure!(said.status.success(), "undisturbed: {}", String::from_utf8_lossy(&said.stderr));
    (bench.usual, bench.calm) = (began.elapsed(), bench.essence(calm.path())?);
    println!(
        "seed {seed}; a run of {} samples takes {:.1} s undisturbed",
        bench.calm.len(),
        bench.usual.as_secs_f64()
    );
    let scenarios: [(&str, Scenario); 11] = [
        ("kill -9 of vidbench", Bench::kill_harness),
        ("kill -9 of workers", Bench::kill_workers),
        ("SIGSTOP of workers", |bench, count| bench.stop_workers(count.min(20))),
        ("memory bombs", |bench, count| bench.misbehave(count, &MEMORY_BOMBS)),
        ("broken messages", |bench, count| bench.misbehave(count, &BROKEN_MESSAGES)),
        ("flipped backup bits", Bench::flip_bits),
        ("failing calls", Bench::failing_disk),
        ("clock jumps", |bench, count| bench.jump_clock(count.min(50))),
        ("damaged videos", Bench::damage_videos),
        ("a full disk", |bench, _| bench.full_disk()),
        ("two at once", |bench, _| bench.two_at_once()),
    ];
    let mut failed = 0;
    for (name, scenario) in scenarios {
        let began = Instant::now();
        let (verdict, told) = match scenario(&mut bench, count) {
            Ok(Found { faults, told }) => ("pass", format!("{faults} faults; {told}")),
            Err(error) if error.is::<NotAvailable>() => ("-", error.to_string()),
            Err(error) => {
                failed += 1;
                ("FAIL", format!("{error:#}"))
            }
        };
        println!("{verdict:5} {name:20} {:6.1} s  {told}", began.elapsed().as_secs_f64());
    }
    ensure!(failed == 0, "{failed} scenarios failed");
    Ok(())
}

/// Something that this machine does not allow.
#[derive(Debug)]
struct NotAvailable(String);

impl std::fmt::Display for NotAvailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not available: {}", self.0)
    }
}

impl std::error::Error for NotAvailable {}

impl Bench {
    fn workspace(&self) -> Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        self.write_suite(folder.path())?;
        Ok(folder)
    }

    /// Forty samples of a worker that renders: the same seed gives the same video. Failed samples are tried again as
    /// often as needed.
    fn write_suite(&self, folder: &Path) -> Result<()> {
        let seeds: Vec<u32> = (0..40).collect();
        let suite = format!(
            "schema_version = 1\nname = \"faults\"\nseeds = {seeds:?}\nmetrics = [\"shape_adherence@1\"]\n\
             [[models]]\nid = \"rendered-shapes\"\nengine = \"worker\"\ncommand = [{:?}, \"none\", \"18446744073709551615\"]\n\
             [prompts]\nsuite = \"shapes\"\nlimit = 2\n[grid]\nsteps = [1]\nguidance = [1.0]\nframes = [16]\nsize = [\"64x64\"]\nfps = [8.0]\n\
             [scenario]\nwarmup = 0\n[retry]\nattempts = 100\nbase_secs = 0.0\nbudget = 10.0\n[breaker]\nwindow = 10000\n\
             [limits]\nmax_consecutive_failures = 1000\nsample_timeout_secs = 2\nscore_timeout_secs = 2\nmin_free_disk_mib = 1\ndisk_wait_secs = 0\n[telemetry]\ninterval_secs = 0.05\n",
            self.worker
        );
        Ok(fs::write(folder.join("suite.toml"), suite)?)
    }

    fn command(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(&self.vidbench);
        command
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, folder: &Path, args: &[&str]) -> Result<Output> {
        Ok(self.command(folder, args).output()?)
    }

    fn start(&self, folder: &Path, args: &[&str]) -> Result<Child> {
        Ok(self.command(folder, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    /// Everything that must not depend on faults, which is all except times and attempts. Two records of one sample are
    /// an error.
    fn essence(&self, folder: &Path) -> Result<Essence> {
        let said = self.run(folder, &["export", "latest"])?;
        ensure!(said.status.success(), "export: {}", String::from_utf8_lossy(&said.stderr));
        let data: Value = serde_json::from_slice(&said.stdout)?;
        let mut all = Essence::new();
        for sample in data["samples"].as_array().context("samples")? {
            let (verdict, generation) = (&sample["verdict"], &sample["generation"]);
            if let Some(sha256) = generation["artifact_sha256"].as_str() {
                let file = folder.join(format!(".vidbench/artifacts/{}/{sha256}.mp4", &sha256[..2]));
                let found = Command::new("sha256sum").arg(&file).output()?.stdout;
                ensure!(
                    found.starts_with(sha256.as_bytes()),
                    "{} differs from what was recorded",
                    file.display()
                );
            }
            let known = json!([
                sample["ordinal"],
                generation["artifact_sha256"],
                verdict["outcome"],
                verdict["facts"],
                verdict["scores"],
                verdict["reason"]
            ]);
            let id = verdict["sample"].as_str().context("an id")?.to_owned();
            ensure!(all.insert(id.clone(), known).is_none(), "sample {id} occurs twice");
        }
        Ok(all)
    }

    fn has_run(&self, folder: &Path) -> Result<bool> {
        let said = self.run(folder, &["runs", "list", "--json"])?;
        let runs: Value = serde_json::from_slice(&said.stdout)?;
        Ok(runs.as_array().is_some_and(|runs| !runs.is_empty()))
    }

    /// Resumes the run until it is complete, and compares the result.
    fn finish(&self, folder: &Path) -> Result<()> {
        for _ in 0..20 {
            let said = self.go_on(folder)?.wait_with_output()?;
            match said.status.code() {
                Some(0) => return self.compare(folder),
                Some(3 | 130) => {}
                code => {
                    self.compare(folder)?;
                    bail!("resume exited with {code:?}");
                }
            }
        }
        bail!("not complete after 20 sessions")
    }

    fn compare(&self, folder: &Path) -> Result<()> {
        let found = self.essence(folder)?;
        let lost = self.calm.keys().filter(|id| !found.contains_key(*id)).count();
        ensure!(lost == 0 && found.len() == self.calm.len(), "{lost} samples lost, {} present", found.len());
        let other: Vec<String> = self
            .calm
            .iter()
            .filter(|(id, known)| found[*id] != **known)
            .map(|(id, known)| format!("{id}: {known} became {}", found[id]))
            .collect();
        ensure!(other.is_empty(), "{} samples differ: {}", other.len(), other[0]);
        Ok(())
    }

    /// Starts the run, or resumes it.
    fn go_on(&self, folder: &Path) -> Result<Child> {
        let begun = self.run(folder, &["runs", "list", "--json"])?;
        let begun = String::from_utf8_lossy(&begun.stdout).contains("\"run\"");
        self.start(folder, if begun { &["run", "--resume", "latest"] } else { &["run", "suite.toml"] })
    }

    /// A random part of the usual time of a run.
    fn moment(&mut self, share: f64) -> Duration {
        self.usual.mul_f64(share * f64::from(self.rng.next_u32()) / f64::from(u32::MAX))
    }

    fn kill_harness(&mut self, count: u32) -> Result<Found> {
        let (mut kills, mut runs) = (0, 0);
        while kills < count {
            let folder = self.workspace()?;
            runs += 1;
            loop {
                let mut child = self.go_on(folder.path())?;
                std::thread::sleep(self.moment(1.0));
                if child.try_wait()?.is_some() || kills == count {
                    child.wait()?;
                    break;
                }
                child.kill()?;
                child.wait()?;
                kills += 1;
            }
            self.finish(folder.path())?;
        }
        Ok(Found { faults: kills, told: format!("{runs} runs, all with undisturbed results") })
    }

    fn kill_workers(&mut self, count: u32) -> Result<Found> {
        let (mut kills, mut runs, mut attempts) = (0, 0, 0);
        while kills < count {
            let folder = self.workspace()?;
            runs += 1;
            let mut child = self.go_on(folder.path())?;
            while child.try_wait()?.is_none() {
                std::thread::sleep(self.moment(0.2));
                kills += self.signal_a_child(&child, "-KILL", kills < count);
            }
            self.finish(folder.path())?;
            attempts += self.failed_attempts(folder.path())?;
        }
        ensure!(attempts <= kills, "{attempts} attempts failed by {kills} kills");
        Ok(Found { faults: kills, told: format!("{runs} runs, {attempts} attempts lost and repeated") })
    }

    fn stop_workers(&mut self, count: u32) -> Result<Found> {
        let (mut stops, mut runs) = (0, 0);
        while stops < count {
            let folder = self.workspace()?;
            runs += 1;
            let mut child = self.go_on(folder.path())?;
            let mut here = 0;
            while child.try_wait()?.is_none() {
                std::thread::sleep(self.moment(0.5));
                // Few in one run: a sample that exceeded its time limit twice gets its final verdict.
                let stopped = self.signal_a_child(&child, "-STOP", here < 3 && stops < count);
                (here, stops) = (here + stopped, stops + stopped);
            }
            // A worker that was stopped before the run began may have prevented it from beginning.
            let found =
                if self.has_run(folder.path())? { self.essence(folder.path())? } else { Essence::new() };
            if found.is_empty() {
                continue;
            }
            ensure!(
                found.len() == self.calm.len(),
                "{} of {} samples have a verdict",
                found.len(),
                self.calm.len()
            );
            let differ = self.calm.iter().filter(|(id, known)| found.get(*id) != Some(known));
            for (id, _) in differ {
                ensure!(found[id][2] == "timeout" || found[id][2] == "decode_failed", "{id}: {}", found[id]);
            }
        }
        Ok(Found {
            faults: stops,
            told: format!("{runs} runs, every sample has one verdict, and none waits forever"),
        })
    }

    /// A worker misbehaves at a random seed, always or once: its samples have that outcome or are made again, and no
    /// other sample is affected.
    fn misbehave(&mut self, count: u32, faults: &[Misbehaviour]) -> Result<Found> {
        /// Samples of one seed: one for each prompt of the suite.
        const OF_A_SEED: usize = 2;
        let calm = by_ordinal(self.calm.clone())?;
        let (mut named, mut again) = (0, 0);
        for _ in 0..count {
            let (fault, outcome) = faults[self.rng.next_u32() as usize % faults.len()];
            let seed = self.rng.next_u32() as usize % (calm.len() / OF_A_SEED);
            let times = if self.rng.next_u32().is_multiple_of(2) { "@1" } else { "" };
            let folder = self.workspace()?;
            let suite = fs::read_to_string(folder.path().join("suite.toml"))?
                .replace("\"none\", \"18446744073709551615\"", &format!("\"{fault}{times}\", \"{seed}\""))
                .replace("attempts = 100", "attempts = 2")
                + "[confinement]\nmemory_mib = 256\n";
            fs::write(folder.path().join("suite.toml"), suite)?;
            let said = self.run(folder.path(), &["run", "suite.toml"])?;
            let (what, told) =
                (format!("{fault}{times} at seed {seed}"), String::from_utf8_lossy(&said.stderr));
            ensure!(matches!(said.status.code(), Some(0 | 1)), "{what}: {:?} {told}", said.status.code());
            let found = by_ordinal(self.essence(folder.path())?)?;
            ensure!(found.len() == calm.len(), "{what}: {} of {} samples", found.len(), calm.len());
            for (ordinal, sample) in &found {
                let touched = *ordinal as usize / OF_A_SEED == seed;
                match sample == &calm[ordinal] {
                    true => again += u32::from(touched),
                    false if touched && sample[2] == outcome => named += 1,
                    false => bail!("{what}: {} became {sample}", calm[ordinal]),
                }
            }
        }
        Ok(Found {
            faults: count,
            told: format!(
                "{named} samples have the fault's outcome, {again} succeeded; no other was affected"
            ),
        })
    }

    /// Returns 1 if one of the process's workers got the signal.
    fn signal_a_child(&mut self, parent: &Child, signal: &str, wanted: bool) -> u32 {
        let pid = parent.id();
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let children: Vec<String> = tasks
            .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
            .flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        if !wanted || children.is_empty() {
            return 0;
        }
        let chosen = &children[self.rng.next_u32() as usize % children.len()];
        let done = Command::new("kill").args([signal, chosen]).stderr(Stdio::null()).status();
        u32::from(done.is_ok_and(|status| status.success()))
    }

    fn failed_attempts(&self, folder: &Path) -> Result<u32> {
        let data: Value = serde_json::from_slice(&self.run(folder, &["export", "latest"])?.stdout)?;
        let samples = data["samples"].as_array().context("samples")?;
        let attempts = samples.iter().filter_map(|sample| sample["attempts"].as_array()).map(Vec::len);
        Ok(u32::try_from(attempts.sum::<usize>())?)
    }

    /// Flips one bit of a random file of a backup; every flip must be detected.
    fn flip_bits(&mut self, count: u32) -> Result<Found> {
        let folder = self.workspace()?;
        self.go_on(folder.path())?.wait()?;
        let made = self.run(folder.path(), &["backup", "create", "--copy"])?;
        ensure!(made.status.success(), "backup: {}", String::from_utf8_lossy(&made.stderr));
        let files = files_below(&folder.path().join(".vidbench/backups"));
        let files: Vec<&PathBuf> = files.iter().filter(|file| !file.ends_with(".lock")).collect();
        for _ in 0..count {
            let file = files[self.rng.next_u32() as usize % files.len()];
            let whole = fs::read(file)?;
            let mut bytes = whole.clone();
            let at = self.rng.next_u32() as usize % bytes.len();
            bytes[at] ^= 1 << (self.rng.next_u32() % 8);
            fs::write(file, bytes)?;
            let code = self.run(folder.path(), &["backup", "verify"])?.status.code();
            // A flipped bit in the manifest's format number makes it a newer format, which is refused rather than
            // called damaged.
            ensure!(matches!(code, Some(1 | 2)), "bit at {at} of {} was not found", file.display());
            fs::write(file, whole)?;
        }
        let code = self.run(folder.path(), &["backup", "verify"])?.status.code();
        ensure!(code == Some(0), "the backup is intact again, but verify exited with {code:?}");
        Ok(Found { faults: count, told: "all found".into() })
    }

    /// One random call to the disk fails; `crates/vidbench-store/examples/failing_disk.rs` is loaded before the C
    /// library.
    fn failing_disk(&mut self, count: u32) -> Result<Found> {
        /// Errors as Linux numbers them: EIO, ENOSPC and EROFS. EROFS comes from a disk that is remounted read-only
        /// after an error, and stays so.
        const ERRORS: [u32; 3] = [5, 28, 30];
        let library = self.worker.with_file_name("libfailing_disk.so");
        if !cfg!(target_os = "linux") || !library.exists() {
            return Err(NotAvailable("failing calls are only supported on Linux".into()).into());
        }
        let mut stopped = 0;
        for _ in 0..count {
            let folder = self.workspace()?;
            // About as many calls of each kind as an undisturbed run makes.
            let (call, calls) = [("fsync", 400), ("pwrite", 700), ("write", 200), ("rename", 80)]
                [self.rng.next_u32() as usize % 4];
            let errno = ERRORS[self.rng.next_u32() as usize % 3];
            let first = self.rng.next_u32() % calls;
            let stays = errno == 30 || self.rng.next_u32().is_multiple_of(4);
            let times = if stays { u64::MAX } else { 1 };
            let said = self
                .command(folder.path(), &["run", "suite.toml"])
                .env("LD_PRELOAD", &library)
                .env("FAILING_DISK", format!("{call}:{errno}:{first}:{times}"))
                .output()?;
            let (code, told) = (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned());
            ensure!(
                matches!(code, Some(0..=3)) && !told.contains("panicked"),
                "{call} {first}: {code:?} {told}"
            );
            stopped += u32::from(code != Some(0));
            self.finish(folder.path()).with_context(|| format!("{call}:{errno}:{first}:{times}: {told}"))?;
        }
        Ok(Found {
            faults: count,
            told: format!("{stopped} runs stopped, all with undisturbed results after resuming"),
        })
    }

    /// The wall clock jumps back and forth at a random moment; `crates/vidbench-store/examples/jumping_clock.rs` is
    /// loaded before the C library.
    fn jump_clock(&mut self, count: u32) -> Result<Found> {
        const JUMPS_SECS: [i64; 6] = [-1_000_000_000, -86_400, -3, 3, 7200, 1_000_000_000];
        let library = self.worker.with_file_name("libjumping_clock.so");
        if !cfg!(target_os = "linux") || !library.exists() {
            return Err(NotAvailable("clock jumps are only supported on Linux".into()).into());
        }
        for _ in 0..count {
            let folder = self.workspace()?;
            let secs = JUMPS_SECS[self.rng.next_u32() as usize % JUMPS_SECS.len()];
            let millis = self.rng.next_u32() % (self.usual.as_millis() as u32).max(1);
            let said = self
                .command(folder.path(), &["run", "suite.toml"])
                .env("LD_PRELOAD", &library)
                .env("JUMPING_CLOCK", format!("{millis}:{secs}"))
                .output()?;
            let told = String::from_utf8_lossy(&said.stderr).into_owned();
            ensure!(said.status.code() == Some(0), "{secs} s after {millis} ms: {told}");
            self.finish(folder.path()).with_context(|| format!("{secs} s after {millis} ms: {told}"))?;
        }
        Ok(Found { faults: count, told: "all runs with undisturbed results".into() })
    }

    /// Files that wait to be scored are truncated or changed while no process is running: they are made again.
    fn damage_videos(&mut self, count: u32) -> Result<Found> {
        let mut damaged = 0;
        while damaged < count {
            let folder = self.workspace()?;
            let suite = fs::read_to_string(folder.path().join("suite.toml"))?;
            let offline = suite.replace("[scenario]", "[scenario]\nkind = \"offline\"");
            fs::write(folder.path().join("suite.toml"), offline)?;
            let mut child = self.go_on(folder.path())?;
            std::thread::sleep(self.moment(0.5));
            child.kill()?;
            child.wait()?;
            // Only files that have no verdict yet are read again when the run is resumed.
            if self.any_judged(folder.path())? {
                continue;
            }
            for file in files_below(&folder.path().join(".vidbench/artifacts")) {
                let mut bytes = fs::read(&file)?;
                match self.rng.next_u32() % 3 {
                    0 => bytes.truncate(self.rng.next_u32() as usize % bytes.len()),
                    1 => {
                        let at = self.rng.next_u32() as usize % bytes.len();
                        bytes[at] ^= 1 << (self.rng.next_u32() % 8);
                    }
                    _ => continue,
                }
                fs::write(&file, bytes)?;
                damaged += 1;
            }
            self.finish(folder.path())?;
        }
        Ok(Found { faults: damaged, told: "all regenerated, with undisturbed results".into() })
    }

    /// Whether any sample of the run has a verdict.
    fn any_judged(&self, folder: &Path) -> Result<bool> {
        let said = self.run(folder, &["run", "--resume", "latest", "--dry-run"])?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let counts = said.split_once(": ").and_then(|(_, counts)| counts.strip_suffix(" samples left\n"));
        // A run that was killed before it was recorded has none.
        Ok(counts.and_then(|counts| counts.split_once(" of ")).is_some_and(|(left, all)| left != all))
    }

    fn full_disk(&mut self) -> Result<Found> {
        let disk = tempfile::tempdir()?;
        let mount = |options: &str| {
            let args = ["-t", "tmpfs", "-o", options, "tmpfs"];
            Command::new("mount").args(args).arg(disk.path()).stderr(Stdio::null()).status()
        };
        if !mount("size=4m").is_ok_and(|status| status.success()) {
            return Err(NotAvailable("a small tmpfs cannot be mounted".into()).into());
        }
        let result = (|| {
            self.write_suite(disk.path())?;
            let mut codes = Vec::new();
            for mib in [4, 5, 6, 8] {
                ensure!(
                    mount(&format!("remount,size={mib}m")).is_ok_and(|status| status.success()),
                    "remount"
                );
                let code = self.go_on(disk.path())?.wait()?.code();
                codes.push(code.map_or("killed".into(), |code| code.to_string()));
            }
            ensure!(mount("remount,size=300m").is_ok_and(|status| status.success()), "remount");
            self.finish(disk.path())?;
            // The run waits for space, and continues in the same session.
            let waits = fs::read_to_string(disk.path().join("suite.toml"))?;
            let waits = waits
                .replace("disk_wait_secs = 0", "disk_wait_secs = 60")
                .replace("mib = 1\n", "mib = 250\n");
            fs::write(disk.path().join("suite.toml"), waits)?;
            fs::remove_dir_all(disk.path().join(".vidbench"))?;
            let child = self.go_on(disk.path())?;
            std::thread::sleep(self.usual.mul_f64(0.3));
            ensure!(mount("remount,size=240m").is_ok_and(|status| status.success()), "remount");
            std::thread::sleep(Duration::from_secs(2));
            ensure!(mount("remount,size=600m").is_ok_and(|status| status.success()), "remount");
            let code = child.wait_with_output()?.status.code();
            ensure!(code == Some(0), "a run that waits for space exited with {code:?}");
            self.compare(disk.path())?;
            Ok(Found {
                faults: 5,
                told: format!(
                    "exit codes {} while full; then undisturbed results, in one session if it waits",
                    codes.join(", ")
                ),
            })
        })();
        Command::new("umount").arg(disk.path()).status()?;
        result
    }

    /// The second process refuses to start; the first is not disturbed.
    fn two_at_once(&mut self) -> Result<Found> {
        let folder = self.workspace()?;
        let mut first = self.go_on(folder.path())?;
        let mut refused = 0;
        while first.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(200));
            let second = self.run(folder.path(), &["run", "--resume", "latest"])?;
            // Before the first process has begun its run there is none to resume, which is a different error.
            refused += u32::from(String::from_utf8_lossy(&second.stderr).contains("is in use"));
        }
        self.compare(folder.path())?;
        ensure!(refused > 0, "no second process was rejected");
        Ok(Found { faults: refused, told: "all rejected, the first undisturbed".into() })
    }
}

/// Samples by their place in the plan, which does not depend on the command of their worker.
fn by_ordinal(essence: Essence) -> Result<BTreeMap<u64, Value>> {
    essence.into_values().map(|sample| Ok((sample[0].as_u64().context("an ordinal")?, sample))).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect();
    files.sort();
    files
}
