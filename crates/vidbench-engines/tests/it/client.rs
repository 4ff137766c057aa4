//! How the client handles sound workers, and workers that fail in every way a process can.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vidbench_core::Outcome;
use vidbench_core::protocol::{LoadParams, ScoreParams};
use vidbench_core::{MetricId, ModelId};
use vidbench_engines::{CallError, CallObserver, GenerateReply, Notification, WorkerCommand, WorkerProcess};

use crate::support::{LONG, clock, generate_params, worker};

fn load_params(model: &str) -> LoadParams {
    LoadParams {
        model: ModelId::new(model).unwrap(),
        revision: None,
        threads: 1,
        settings: Default::default(),
    }
}

fn loaded(command: &WorkerCommand) -> WorkerProcess {
    let mut process = WorkerProcess::start(command, clock()).unwrap();
    process.initialize("test 1", LONG).unwrap();
    process.load(&load_params("toy"), LONG, &mut ()).unwrap();
    process
}

/// Calls `generate` once on a worker in `mode`.
fn generate(mode: &str, timeout: Duration) -> (Result<GenerateReply, CallError>, WorkerProcess) {
    let folder = tempfile::tempdir().unwrap();
    let mut process = loaded(&worker(mode));
    let reply = process.generate(&generate_params(folder.path(), "a.mp4"), timeout, &mut ());
    (reply, process)
}

/// The error of `generate` on a worker in `mode`; the failure must end the process.
#[track_caller]
fn fatal(mode: &str, timeout: Duration, outcome: Outcome) -> CallError {
    let (reply, mut process) = generate(mode, timeout);
    let error = reply.unwrap_err();
    assert_eq!(error.outcome(), Some(outcome), "{mode}: {error}");
    assert!(!process.is_usable());
    assert!(matches!(process.ping(LONG), Err(CallError::Ended { method: "ping" })));
    error
}

/// What a descendant holds open must not hide the end of the worker.
#[test]
fn a_worker_that_ends_is_noticed_though_its_pipe_stays_open() {
    let began = Instant::now();
    let error = fatal("dies-and-leaves-its-pipe-open", LONG, Outcome::WorkerCrashed);
    assert!(error.to_string().contains("exit status: 7"), "{error}");
    assert!(began.elapsed() < LONG / 2, "{:?}", began.elapsed());
}

#[derive(Default)]
struct Collect {
    said: Vec<Notification>,
    ticks: Vec<Duration>,
    cancel_at_tick: Option<usize>,
}

impl CallObserver for Collect {
    fn notification(&mut self, notification: &Notification) {
        self.said.push(notification.clone());
    }

    fn tick(&mut self, elapsed: Duration) -> ControlFlow<()> {
        self.ticks.push(elapsed);
        if self.cancel_at_tick == Some(self.ticks.len()) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[test]
fn a_whole_session_with_a_sound_worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = loaded(&worker("good"));
    assert_eq!(process.info().unwrap().name, "test worker");
    let mut seen = Collect::default();
    let params = generate_params(folder.path(), "a.mp4");
    let reply = process.generate(&params, LONG, &mut seen).unwrap();
    assert_eq!(std::fs::read_to_string(&params.output).unwrap(), "clip of seed 7 0");
    let steps = seen.said.iter().filter(|said| matches!(said, Notification::Step(_))).count();
    assert_eq!(steps, 3);
    let score = ScoreParams {
        path: params.output,
        reference: None,
        prompt: None,
        image: None,
        metrics: vec![MetricId::new("toy@1").unwrap()],
        options: Default::default(),
        known_features: Vec::new(),
        return_features: false,
    };
    assert_eq!(process.score(&score, LONG, &mut ()).unwrap().scores[0].score.value(), Some(0.5));
    process.unload(&ModelId::new("toy").unwrap(), LONG).unwrap();
    assert!(reply.sent_ns <= reply.received_ns);
    assert!(process.shutdown(LONG).unwrap().success());
}

#[test]
fn the_workers_times_are_translated_into_the_call() {
    let (reply, process) = generate("good", LONG);
    let reply = reply.unwrap();
    let sync = process.clock_sync().unwrap();
    let result = sync.translate_result(reply.result.clone());
    assert!(reply.result.start_ns >= 1_000_000_000, "the test worker's clock is a second ahead");
    assert!(result.start_ns + sync.error_ns >= reply.sent_ns, "{result:?} {reply:?} {sync:?}");
    assert!(result.end_ns <= reply.received_ns + sync.error_ns, "{result:?} {reply:?} {sync:?}");
    assert_eq!(result.stages.last().unwrap().end_ns, sync.translate(reply.result.stages[2].end_ns));
}

#[test]
fn a_refusal_keeps_its_kind_and_the_worker_goes_on() {
    let mut process = loaded(&worker("good"));
    let error = process.load(&load_params("other"), LONG, &mut ()).unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::InvalidRequest));
    assert_eq!(error.to_string(), "unknown model other: known is toy");
    assert!(process.is_usable());
    process.ping(LONG).unwrap();
}

#[test]
fn another_version_and_a_clock_that_goes_back_are_protocol_errors() {
    for (mode, part) in
        [("speaks-version-2", "protocol version 2, not 1"), ("clock-goes-back", "clock went back")]
    {
        let mut process = WorkerProcess::start(&worker(mode), clock()).unwrap();
        let error = process.initialize("test 1", LONG).unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::ProtocolError));
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn lines_that_are_not_the_protocol_end_the_worker_and_are_shown_escaped() {
    for (mode, part) in [
        ("rubbish", r"not JSON: expected value at line 1 column 1: \u{1b}[31mCUDA warning"),
        ("invalid-utf8", "not JSON"),
        ("huge-line", "a line longer than 4194304 bytes"),
        ("floods-stdout", "a line longer than 4194304 bytes"),
        ("wrong-id", "an answer to request 4711 instead of"),
        ("wrong-shape", "the result does not fit: output: invalid type"),
        ("result-and-error", "both result and error"),
        ("steps-from-zero", "step 0 of 3 after step 0"),
        ("skips-a-step", "step 2 of 3 after step 0"),
        ("stages-overlap", "stage vae_decode starts"),
        ("unknown-stage", "unknown variant `nap`"),
        ("names-another-file", "wrote \"/elsewhere.mp4\" instead of"),
    ] {
        let error = fatal(mode, LONG, Outcome::ProtocolError);
        let text = error.to_string();
        assert!(text.starts_with("the worker broke the protocol during generate: "), "{text}");
        assert!(text.contains(part) && text.len() < 600, "{mode}: {text}");
        assert!(error.hint().unwrap().contains("worker check"));
    }
}

#[test]
fn a_second_answer_is_found_when_the_next_call_begins_or_waits() {
    let mut process = WorkerProcess::start(&worker("answers-twice"), clock()).unwrap();
    let error = process.initialize("test 1", LONG).unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::ProtocolError));
    let text = error.to_string();
    assert!(text.contains("to no pending request") || text.contains("to request 1 instead of 2"), "{text}");
}

#[test]
fn a_worker_that_dies_leaves_its_status_and_its_last_words() {
    let error = fatal("dies", LONG, Outcome::WorkerCrashed);
    assert_eq!(error.to_string(), "the worker ended before it answered generate: exit status: 7");
    assert_eq!(error.stderr_tail(), Some("device fell over"));
    let error = fatal("dies-mid-line", LONG, Outcome::WorkerCrashed);
    assert!(error.to_string().ends_with("exit status: 7"), "{error}");
    let error = fatal("aborts", LONG, Outcome::WorkerCrashed);
    assert!(error.to_string().contains("signal: 6"), "{error}");
}

#[test]
fn a_worker_that_hangs_or_never_stops_talking_times_out() {
    for mode in ["hangs", "floods-notifications"] {
        let error = fatal(mode, Duration::from_millis(300), Outcome::Timeout);
        assert_eq!(error.to_string(), "no answer to generate within 0.3 s");
    }
}

#[test]
fn a_log_of_megabytes_blocks_nothing_and_is_offered_line_by_line() {
    let lines = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&lines);
    let log = Box::new(move |line: &str| {
        assert_eq!(line.len(), 1023);
        *counted.lock().unwrap() += 1;
    });
    let folder = tempfile::tempdir().unwrap();
    let mut process = WorkerProcess::start_logged(&worker("floods-stderr"), clock(), Some(log)).unwrap();
    process.initialize("test 1", LONG).unwrap();
    process.load(&load_params("toy"), LONG, &mut ()).unwrap();
    process.generate(&generate_params(folder.path(), "a.mp4"), LONG, &mut ()).unwrap();
    assert!(process.stderr_tail().len() <= 64 << 10);
    process.shutdown(LONG).unwrap();
    let began = Instant::now();
    while *lines.lock().unwrap() < 4096 && began.elapsed() < LONG {
        std::thread::yield_now();
    }
    assert_eq!(*lines.lock().unwrap(), 4096);
}

#[test]
fn a_load_may_take_its_time_from_the_last_sign_of_a_download() {
    let limit = Duration::from_millis(600);
    let load = |mode| {
        let mut process = WorkerProcess::start(&worker(mode), clock()).unwrap();
        process.initialize("test 1", LONG).unwrap();
        let (mut seen, began) = (Collect::default(), Instant::now());
        let loaded = process.load(&load_params("toy"), limit, &mut seen);
        let said = seen.said.iter().filter(|said| matches!(said, Notification::Download(_))).count();
        (loaded, said, began.elapsed())
    };
    let (loaded, said, took) = load("downloads");
    assert!(loaded.is_ok() && took > limit, "{loaded:?} {took:?}");
    assert_eq!(said, 4);
    let (loaded, said, _) = load("download-stops");
    assert_eq!((loaded.unwrap_err().outcome(), said), (Some(Outcome::Timeout), 4));
}

#[test]
fn ticks_come_during_a_call_and_can_cancel_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = loaded(&worker("hangs"));
    let mut observer = Collect { cancel_at_tick: Some(2), ..Collect::default() };
    let error = process.generate(&generate_params(folder.path(), "a.mp4"), LONG, &mut observer).unwrap_err();
    assert!(matches!(error, CallError::Cancelled { method: "generate" }));
    assert_eq!(error.outcome(), None);
    assert!(!process.is_usable());
    assert_eq!(observer.ticks.len(), 2);
    assert!(
        observer.ticks[0] >= Duration::from_millis(200) && observer.ticks[1] >= Duration::from_millis(400)
    );
}

/// Whether a process is gone, or dead and waiting for its new parent to collect it.
fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.map_or(true, |stat| {
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    })
}

#[test]
fn a_grandchild_dies_with_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = loaded(&worker("grandchild"));
    let mut seen = Collect { cancel_at_tick: Some(5), ..Collect::default() };
    process.generate(&generate_params(folder.path(), "a.mp4"), LONG, &mut seen).unwrap_err();
    let [Notification::Log(log)] = &seen.said[..] else { panic!("{:?}", seen.said) };
    assert_ne!(log.message, "0", "the sleep could not be started");
    let began = Instant::now();
    while !is_gone(&log.message) {
        assert!(began.elapsed() < LONG, "process {} lives", log.message);
    }
}

#[test]
fn a_worker_that_ignores_sigterm_ends_all_the_same() {
    let command =
        WorkerCommand::new("sh").args(["-c", "trap '' TERM; echo ready >&2; while :; do sleep 1; done"]);
    let mut process = WorkerProcess::start(&command, clock()).unwrap();
    let error = process.initialize("test 1", Duration::from_millis(300)).unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::Timeout));
}

#[test]
fn a_worker_that_lingers_after_shutdown_is_killed_and_reported() {
    let process = loaded(&worker("shutdown-lingers"));
    let error = process.shutdown(Duration::from_secs(2)).unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::Timeout));
}

#[test]
fn a_request_that_does_not_fit_on_a_line_is_refused_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = loaded(&worker("good"));
    let mut params = generate_params(folder.path(), "a.mp4");
    params.prompt = "x".repeat(5 << 20);
    let error = process.generate(&params, LONG, &mut ()).unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::InvalidRequest));
    assert!(process.is_usable());
}

#[test]
fn only_the_allowed_environment_reaches_the_worker() {
    let script =
        "env | cut -d= -f1 | grep -v -e '^_$' -e PWD -e SHLVL -e OLDPWD | LC_ALL=C sort | tr '\\n' ' ' >&2";
    let mut command = WorkerCommand::new("sh").args(["-c", script]);
    command.env.insert("MODEL_FOLDER".into(), "/models".into());
    let names = command.env.keys().map(|name| name.to_str().unwrap().to_owned());
    let mut expected: Vec<String> = names.chain(["VIDBENCH_WORKER".to_owned()]).collect();
    expected.sort();
    let mut process = WorkerProcess::start(&command, clock()).unwrap();
    let error = process.initialize("test 1", LONG).unwrap_err();
    assert_eq!(error.stderr_tail().unwrap().split_whitespace().collect::<Vec<_>>(), expected);
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "this process has more than the worker");
}
