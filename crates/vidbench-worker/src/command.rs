//! The worker of engine `command`: runs a program for each sample, and hands over the video that it wrote.
//!
//! The window that is timed is the program's whole life, loading of the model included; no stage of it is known. The program runs in the
//! worker's process group: when it takes too long, the worker answers, then kills the group, itself included, so that nothing the
//! program started goes on.

mod output;
mod progress;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use vidbench_core::program::filled;
use vidbench_core::protocol::{
    Capabilities, GenerateParams, GenerateResult, LoadParams, LoadResult, LoadedModel, RpcError, Stage,
    StageSpan,
};
use vidbench_core::{Domain, ErrorKind, ModelId, Program, WeightsOrigin};

use crate::clock::monotonic_ns;
use crate::serve::{Handler, Notifier, WorkerInfo};
use progress::{Progress, Tail, lines_of};

/// How often the program is looked at while it says nothing.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Serves `load`, `generate` and `unload` by running a program.
#[derive(Debug)]
pub struct CommandGenerator {
    program: Program,
    progress: Progress,
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
        Ok(Self { program, progress, threads: 1, broken: false })
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
        };
        Ok(LoadResult { model, load_secs: 0.0 })
    }

    fn generate(
        &mut self,
        params: &GenerateParams,
        notifier: &mut Notifier<'_>,
    ) -> Result<GenerateResult, RpcError> {
        let scratch = tempfile::Builder::new().prefix("vidbench-command-").tempdir().map_err(|error| {
            RpcError::new(
                ErrorKind::Internal,
                format!("no folder can be made for the program's files: {error}"),
            )
        })?;
        let started = Started::new(&self.program, params, self.threads, scratch.path())?;
        let start_ns = monotonic_ns();
        let ended = started.run(&self.program, &self.progress, notifier);
        let end_ns = monotonic_ns();
        let ended = ended.inspect_err(|error| self.broken = error.data.kind == ErrorKind::Timeout)?;
        ended.check(&self.program)?;
        let found = output::find(&started.output, Path::new(&params.output))?;
        output::hand_over(&found, Path::new(&params.output))?;
        let stages = vec![
            StageSpan { name: Stage::Unattributed, start_ns, end_ns },
            StageSpan { name: Stage::Encode, start_ns: end_ns, end_ns: monotonic_ns() },
        ];
        let output = params.output.clone();
        Ok(GenerateResult { output, start_ns, end_ns, stages, peak_rss_bytes: None, peak_device_bytes: None })
    }

    fn unload(&mut self, _model: &ModelId) -> Result<(), RpcError> {
        Ok(())
    }

    fn is_broken(&self) -> bool {
        self.broken
    }
}

/// Kills this process with everything in its group, which is what a program that took too long has started.
#[expect(unsafe_code, reason = "a system call")]
pub fn end_process_group() {
    // SAFETY: it takes two numbers and touches no memory of ours.
    unsafe { libc::kill(0, libc::SIGKILL) };
}

/// A program with everything in place of its placeholders.
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
        if let Some(name) = params.inputs.keys().next() {
            return Err(RpcError::new(
                ErrorKind::Unsupported,
                format!("a program takes no input, and {name} is given"),
            ));
        }
        let uses_negative =
            program.argv.iter().chain(program.env.values()).any(|text| text.contains("{negative}"));
        if params.negative.is_some() && !uses_negative {
            let error = RpcError::new(ErrorKind::Unsupported, "the program is not told the negative prompt");
            return Err(error.with_hint("add {negative} to program.argv"));
        }
        let fill = |template: &str| {
            filled(template, |name| value(name, params, threads, scratch))
                .map_err(|message| RpcError::new(ErrorKind::InvalidRequest, message))
        };
        let argv = program.argv.iter().map(|argument| fill(argument)).collect::<Result<_, _>>()?;
        let env = program.env.iter().map(|(name, text)| Ok((name.clone(), fill(text)?)));
        let output = fill(program.output.as_deref().unwrap_or("{output}"))?;
        let output = program.cwd.as_ref().map_or(output.clone(), |cwd| join(cwd, &output));
        Ok(Self { argv, env: env.collect::<Result<_, RpcError>>()?, output })
    }

    fn run(
        &self,
        program: &Program,
        progress: &Progress,
        notifier: &mut Notifier<'_>,
    ) -> Result<Ended, RpcError> {
        let mut child = self.spawn(program)?;
        let (sender, lines) = mpsc::channel();
        for stream in
            [child.stdout.take().map(lines_of), child.stderr.take().map(lines_of)].into_iter().flatten()
        {
            let sender = sender.clone();
            // It ends with the stream, at the latest when the group is killed.
            thread::spawn(move || stream.for_each(|line| drop(sender.send(line))));
        }
        drop(sender);
        let deadline = program.timeout_secs.map(|secs| Instant::now() + Duration::from_secs(secs.into()));
        let mut tail = Tail::default();
        let status = loop {
            match lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => {
                    if let Some(message) = progress.of(&line) {
                        notifier.log("info", &message);
                    }
                    tail.add(line);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK_EVERY),
            }
            if let Some(status) = child.try_wait().map_err(|error| lost(&error))? {
                break status;
            }
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                return Err(overdue(program, &tail));
            }
        };
        lines.try_iter().for_each(|line| tail.add(line));
        Ok(Ended { status, tail })
    }

    fn spawn(&self, program: &Program) -> Result<Child, RpcError> {
        let (name, args) =
            self.argv.split_first().map_or(("", &[][..]), |(name, args)| (name.as_str(), args));
        let mut command = Command::new(name);
        command.args(args).envs(self.env.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(cwd) = &program.cwd {
            command.current_dir(cwd);
        }
        command.spawn().map_err(|error| {
            let message = format!("the program {name} cannot be started: {error}");
            let hint = match error.kind() {
                io::ErrorKind::NotFound => "name a program of PATH, or its path; program.cwd must exist, too",
                _ => "see program.argv and program.cwd of the suite",
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
        _ => return None,
    })
}

fn lost(error: &io::Error) -> RpcError {
    RpcError::new(ErrorKind::Internal, format!("the program cannot be waited for: {error}"))
}

fn overdue(program: &Program, tail: &Tail) -> RpcError {
    let secs = program.timeout_secs.unwrap_or_default();
    let message = format!("the program had not ended after {secs} s{}", tail.text());
    RpcError::new(ErrorKind::Timeout, message).with_hint("raise program.timeout_secs")
}

/// A program that has ended.
struct Ended {
    status: ExitStatus,
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
