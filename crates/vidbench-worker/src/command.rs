//! The worker of engine `command`: runs a program for each sample, and hands over the video that it wrote.
//!
//! The timed window is the program's whole life, loading of the model included; its stages are unknown. When the program
//! takes too long, the worker answers, kills everything below it and ends, so that nothing the program started goes on.

mod group;
mod output;
mod progress;

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use vidbench_core::program::{INPUTS, filled};
use vidbench_core::protocol::{
    Capabilities, GenerateParams, GenerateResult, LoadParams, LoadResult, LoadedModel, RpcError, Stage,
    StageSpan,
};
use vidbench_core::{Domain, ErrorKind, ModelId, Program, WeightsOrigin};

use crate::clock::monotonic_ns;
use crate::rss::wait_with_peak;
use crate::serve::{Handler, Notifier, WorkerInfo};
pub use group::{adopt_orphans, end_with_client, end_with_program};
use progress::{Progress, Tail, lines_of};

/// Time limit of a program that has none of its own: the client's limit ends it earlier.
const LONG: Duration = Duration::from_secs(7 * 86_400);

/// How many messages of a program wait to be passed on; further ones are dropped.
const MAX_WAITING: usize = 256;

/// How long to go on reading what a program wrote before it ended, even if its children keep the pipe open.
const READ_ON: Duration = Duration::from_millis(100);

/// Serves `load`, `generate` and `unload` by running a program.
#[derive(Debug)]
pub struct CommandGenerator {
    program: Program,
    progress: Arc<Progress>,
    threads: u32,
    broken: bool,
}

impl CommandGenerator {
    /// A worker for that program.
    ///
    /// # Errors
    /// What is wrong with the program, in words.
    pub fn new(program: Program) -> Result<Self, String> {
        if let Some(problem) = program.problems().into_iter().next() {
            return Err(problem);
        }
        let progress = Progress::new(program.progress.as_deref())?;
        Ok(Self { program, progress: Arc::new(progress), threads: 1, broken: false })
    }
}

impl Handler for CommandGenerator {
    fn initialize(&mut self) -> WorkerInfo {
        let capabilities = Capabilities { any_model: true, ..Capabilities::default() };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        WorkerInfo { name: "vidbench-command".to_owned(), version, capabilities }
    }

    fn load(&mut self, params: &LoadParams, _notifier: &mut Notifier<'_>) -> Result<LoadResult, RpcError> {
        self.threads = params.threads;
        let model = LoadedModel {
            id: params.model.clone(),
            revision: None,
            weights: WeightsOrigin::Unknown,
            domain: Domain::Open,
            runtime: format!("command {}", self.program.argv.first().map_or("", String::as_str)),
            // The program's device is unknown.
            device: None,
            reads_prompt: self.program.is_told("prompt"),
        };
        Ok(LoadResult { model, load_secs: 0.0 })
    }

    fn generate(
        &mut self,
        params: &GenerateParams,
        notifier: &mut Notifier<'_>,
    ) -> Result<GenerateResult, RpcError> {
        // The folder lies beside the video, so that what a killed worker leaves there is swept with the video.
        let beside = Path::new(&params.output).parent().unwrap_or(Path::new("."));
        let scratch = tempfile::Builder::new().prefix("scratch-").tempdir_in(beside).map_err(|error| {
            RpcError::new(
                ErrorKind::Internal,
                format!("cannot create a folder for the program's files: {error}"),
            )
        })?;
        let started = Started::new(&self.program, params, self.threads, scratch.path())?;
        let (begun, start_ns) = (SystemTime::now(), monotonic_ns());
        let ended = started.run(&self.program, &self.progress, notifier);
        let ended = ended.inspect_err(|error| self.broken = error.data.kind == ErrorKind::Timeout)?;
        let (end_ns, peak_rss_bytes) = (ended.end_ns, ended.peak_rss_bytes);
        group::kill_others();
        group::collect_adopted();
        ended.check(&self.program)?;
        let found = output::find(&started.output, Path::new(&params.output), begun)?;
        output::hand_over(&found, Path::new(&params.output), scratch.path())?;
        let stages = vec![
            StageSpan { name: Stage::Unattributed, start_ns, end_ns },
            StageSpan { name: Stage::Encode, start_ns: end_ns, end_ns: monotonic_ns() },
        ];
        let output = params.output.clone();
        Ok(GenerateResult { output, start_ns, end_ns, stages, peak_rss_bytes, peak_device_bytes: None })
    }

    fn unload(&mut self, _model: &ModelId) -> Result<(), RpcError> {
        Ok(())
    }

    fn is_broken(&self) -> bool {
        self.broken
    }
}

/// A program's command line with every placeholder filled in.
struct Started {
    argv: Vec<String>,
    env: Vec<(String, String)>,
    output: String,
}

impl Started {
    fn new(
        program: &Program,
        params: &GenerateParams,
        threads: u32,
        scratch: &Path,
    ) -> Result<Self, RpcError> {
        check_inputs(program, params)?;
        let uses_negative = program.is_told("negative");
        if params.negative.is_some() && !uses_negative {
            let error =
                RpcError::new(ErrorKind::Unsupported, "the program does not receive the negative prompt");
            return Err(error.with_hint("add {negative} to program.argv"));
        }
        let fill = |template: &str| {
            filled(template, |name| value(name, params, threads, scratch))
                .map_err(|message| RpcError::new(ErrorKind::InvalidRequest, message))
        };
        let argv = program.argv.iter().map(|argument| fill(argument)).collect::<Result<_, _>>()?;
        let env = program.env.iter().map(|(name, text)| Ok((name.clone(), fill(text)?)));
        let output = match &program.output {
            None => params.output.clone(),
            Some(pattern) => {
                let escaped =
                    |name: &str| Some(glob::Pattern::escape(&value(name, params, threads, scratch)?));
                let pattern = filled(pattern, escaped)
                    .map_err(|message| RpcError::new(ErrorKind::InvalidRequest, message))?;
                program
                    .cwd
                    .as_ref()
                    .map_or(pattern.clone(), |cwd| join(&glob::Pattern::escape(cwd), &pattern))
            }
        };
        Ok(Self { argv, env: env.collect::<Result<_, RpcError>>()?, output })
    }

    /// Runs the program to its end, and returns when that was.
    fn run(
        &self,
        program: &Program,
        progress: &Arc<Progress>,
        notifier: &mut Notifier<'_>,
    ) -> Result<Ended, RpcError> {
        let mut child = self.spawn(program)?;
        let deadline = program.timeout_secs.map(|secs| Instant::now() + Duration::from_secs(secs.into()));
        // Bounded, because a program may write faster than its messages are read.
        let (sender, said) = mpsc::sync_channel(MAX_WAITING);
        let tail = Arc::new(Mutex::new(Tail::default()));
        let streams = [child.stdout.take().map(lines_of), child.stderr.take().map(lines_of)];
        let readers: Vec<_> = streams
            .into_iter()
            .flatten()
            .map(|lines| {
                thread::spawn(read_lines(lines, Arc::clone(progress), Arc::clone(&tail), sender.clone()))
            })
            .collect();
        // A separate thread waits, so that the end is timed when it comes and not when this loop looks.
        thread::spawn(move || {
            let waited = wait_with_peak(&mut child);
            let _ = sender.send(Said::Ended(waited, monotonic_ns()));
        });
        loop {
            let left = deadline.map_or(LONG, |deadline| deadline.saturating_duration_since(Instant::now()));
            match said.recv_timeout(left) {
                Ok(Said::Progress(message)) if !left.is_zero() => notifier.log("info", &message),
                Ok(Said::Ended(waited, end_ns)) => {
                    let (status, peak_rss_bytes) = waited.map_err(|error| lost(&error.to_string()))?;
                    finish_reading(&readers);
                    // What the program wrote last may arrive after its end is known.
                    for said in said.try_iter() {
                        if let Said::Progress(message) = said {
                            notifier.log("info", &message);
                        }
                    }
                    return Ok(Ended { status, peak_rss_bytes, end_ns, tail: taken(&tail) });
                }
                Ok(Said::Progress(_)) | Err(RecvTimeoutError::Timeout) => {
                    if let Some(secs) = program.timeout_secs {
                        return Err(overdue(secs, &taken(&tail)));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(lost("the thread waiting for it ended")),
            }
        }
    }

    fn spawn(&self, program: &Program) -> Result<Child, RpcError> {
        let (name, args) =
            self.argv.split_first().map_or(("", &[][..]), |(name, args)| (name.as_str(), args));
        let mut command = Command::new(name);
        command.args(args).envs(self.env.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: scripts end with `kill 0`, which must not end the worker.
        command.process_group(0);
        if let Some(cwd) = &program.cwd {
            command.current_dir(cwd);
        }
        command.spawn().map_err(|error| {
            let message = format!("the program {name} cannot be started: {error}");
            let hint = match error.kind() {
                io::ErrorKind::NotFound => {
                    "name a program on PATH or give its path; program.cwd must exist too"
                }
                _ => "see program.argv and program.cwd in the suite",
            };
            RpcError::new(ErrorKind::Unsupported, message).with_hint(hint)
        })
    }
}

fn join(cwd: &str, output: &str) -> String {
    PathBuf::from(cwd).join(output).to_string_lossy().into_owned()
}

fn value(name: &str, params: &GenerateParams, threads: u32, scratch: &Path) -> Option<String> {
    let asked = &params.params;
    Some(match name {
        "prompt" => params.prompt.clone(),
        "negative" => params.negative.clone().unwrap_or_default(),
        "seed" => params.seed.to_string(),
        "steps" => asked.steps.to_string(),
        "guidance" => asked.guidance.to_string(),
        "frames" => asked.frames.to_string(),
        "width" => asked.width.to_string(),
        "height" => asked.height.to_string(),
        "fps" => asked.fps.to_string(),
        "output" => params.output.clone(),
        "scratch" => scratch.to_string_lossy().into_owned(),
        "model" => params.model.to_string(),
        "sample" => params.sample.to_string(),
        "threads" => threads.to_string(),
        _ => return params.inputs.get(name).cloned(),
    })
}

/// Checks that the program reads every file that the prompt names, and that the prompt names every file that the
/// program reads: a video made without one would be another video.
fn check_inputs(program: &Program, params: &GenerateParams) -> Result<(), RpcError> {
    let unsupported = |message: String| RpcError::new(ErrorKind::Unsupported, message);
    if let Some(name) = params.inputs.keys().find(|name| !program.is_told(name)) {
        let error = unsupported(format!("the program does not receive the prompt's {name}"));
        return Err(error.with_hint(format!("add {{{name}}} to program.argv")));
    }
    match INPUTS.into_iter().find(|name| program.is_told(name) && !params.inputs.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(unsupported(format!("the program uses {{{name}}}, but the prompt provides none"))
            .with_hint(format!("add it to the prompt file: inputs = {{ {name} = \"FILE\" }}"))),
    }
}

fn lost(error: &str) -> RpcError {
    RpcError::new(ErrorKind::Internal, format!("the program cannot be waited for: {error}"))
}

fn overdue(secs: u32, tail: &Tail) -> RpcError {
    let message = format!("the program had not ended after {secs} s{}", tail.text());
    RpcError::new(ErrorKind::Timeout, message).with_hint("raise program.timeout_secs")
}

/// What is heard of a program.
enum Said {
    Progress(String),
    Ended(io::Result<(ExitStatus, Option<u64>)>, u64),
}

/// Reads a stream to its end, whatever comes, so that the program never blocks on a full pipe.
fn read_lines(
    lines: impl Iterator<Item = String> + Send + 'static,
    progress: Arc<Progress>,
    tail: Arc<Mutex<Tail>>,
    sender: SyncSender<Said>,
) -> impl FnOnce() + Send + 'static {
    move || {
        for line in lines {
            if let Some(message) = progress.of(&line) {
                let _ = sender.try_send(Said::Progress(message));
            }
            if let Ok(mut tail) = tail.lock() {
                tail.add(line);
            }
        }
    }
}

fn finish_reading(readers: &[JoinHandle<()>]) {
    let begun = Instant::now();
    while begun.elapsed() < READ_ON && !readers.iter().all(JoinHandle::is_finished) {
        thread::sleep(Duration::from_millis(1));
    }
}

fn taken(tail: &Mutex<Tail>) -> Tail {
    tail.lock().map(|mut tail| std::mem::take(&mut *tail)).unwrap_or_default()
}

/// A program that has ended.
struct Ended {
    status: ExitStatus,
    peak_rss_bytes: Option<u64>,
    end_ns: u64,
    tail: Tail,
}

impl Ended {
    fn check(&self, program: &Program) -> Result<(), RpcError> {
        if self.status.success() {
            return Ok(());
        }
        let name = program.argv.first().map_or("", String::as_str);
        let said = self.tail.text();
        let kind = if self.tail.tells_out_of_memory() { ErrorKind::OutOfMemory } else { ErrorKind::Internal };
        Err(RpcError::new(kind, format!("{name} ended with {}{said}", self.status)))
    }
}
