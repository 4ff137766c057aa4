//! A minimal worker in Rust: it renders moving shapes instead of generating them.
//!
//! The fault tests use it too: `shapes_worker FAULT SEED` misbehaves when it is asked for that seed; with `FAULT@N`
//! only the first N times, which it counts in a file of its folder. It reports as the hash of its weights the text of
//! the file `weights` there. `shapes_worker FAULT SEED TARGET` names the target that some faults try to reach.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test that cannot go on ends here")]

use std::fs;
use std::io::{self, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use vidbench_core::protocol::{
    Capabilities, GenerateParams, GenerateResult, LoadParams, LoadResult, LoadedModel, RpcError, Stage,
    StageSpan,
};
use vidbench_core::{Domain, ErrorKind, ModelId, WeightsOrigin};
use vidbench_video::{Fps, H264Options, encode_h264};
use vidbench_worker::{Handler, Notifier, WorkerInfo, clock, peak_rss_bytes, serve};

struct ShapesWorker {
    fault: String,
    times: Option<usize>,
    at_seed: u64,
    memory: Vec<u8>,
    /// Least time it spends computing.
    busy: Duration,
    target: String,
}

impl Handler for ShapesWorker {
    fn initialize(&mut self) -> WorkerInfo {
        let models = vec![model_id()];
        let settings = ["memory_mib", "busy_millis", "device"].map(str::to_owned);
        let settings = Some(settings.to_vec());
        let capabilities = Capabilities { models, any_model: true, settings, ..Capabilities::default() };
        WorkerInfo { name: "shapes-worker".into(), version: "1".into(), capabilities }
    }

    fn load(&mut self, params: &LoadParams, _: &mut Notifier<'_>) -> Result<LoadResult, RpcError> {
        if self.fault == "die-at-load" && self.is_due() {
            std::process::exit(8);
        }
        if self.fault == "unreachable-at-load" && self.is_due() {
            return Err(RpcError::new(ErrorKind::Unreachable, "the hub does not answer"));
        }
        if !params.model.as_str().starts_with(MODEL) {
            return Err(RpcError::new(ErrorKind::InvalidRequest, format!("unknown model {}", params.model)));
        }
        let number = |key: &str| params.settings.get(key).and_then(serde_json::Value::as_u64).unwrap_or(0);
        // Written to, so that the pages are really allocated.
        self.memory = vec![1; number("memory_mib") as usize * 1024 * 1024];
        self.busy = Duration::from_millis(number("busy_millis"));
        let model = LoadedModel {
            id: params.model.clone(),
            revision: None,
            weights: fs::read_to_string("weights").map_or(WeightsOrigin::Unknown, WeightsOrigin::Sha256),
            domain: Domain::SyntheticDomain,
            runtime: "renderer".into(),
            device: params.settings.get("device").and_then(|device| Some(device.as_str()?.to_owned())),
            reads_prompt: true,
        };
        Ok(LoadResult { model, load_secs: 0.0 })
    }

    fn unload(&mut self, _: &ModelId) -> Result<(), RpcError> {
        Ok(())
    }

    fn generate(
        &mut self,
        params: &GenerateParams,
        notifier: &mut Notifier<'_>,
    ) -> Result<GenerateResult, RpcError> {
        let start_ns = clock::monotonic_ns();
        if params.seed == self.at_seed && self.fault != "dies-with-a-file" && self.is_due() {
            self.misbehave(&params.output)?;
        }
        let attributes = vidbench_shapes::parse_prompt(&params.prompt)
            .map_err(|error| RpcError::new(ErrorKind::InvalidRequest, error.to_string()))?;
        let frames = vidbench_shapes::render(&attributes, params.seed);
        (1..=params.params.steps).for_each(|step| notifier.step(step, params.params.steps));
        std::thread::sleep(self.busy);
        let end_ns = clock::monotonic_ns();
        let fps = Fps::new(params.params.fps as u32, 1)
            .ok_or_else(|| RpcError::new(ErrorKind::InvalidRequest, "fps"))?;
        encode_h264(&params.output, &frames, &H264Options::new(fps))
            .map_err(|error| RpcError::new(ErrorKind::Internal, error.to_string()))?;
        let stages = vec![StageSpan { name: Stage::Denoise, start_ns, end_ns }];
        let output = params.output.clone();
        let result = GenerateResult {
            output,
            start_ns,
            end_ns,
            stages,
            peak_rss_bytes: peak_rss_bytes(),
            peak_device_bytes: None,
        };
        if self.fault == "dies-with-a-file" && params.seed == self.at_seed && self.is_due() {
            std::process::exit(7);
        }
        Ok(if params.seed == self.at_seed { self.spoil(result) } else { result })
    }
}

impl ShapesWorker {
    /// Whether it should still misbehave.
    fn is_due(&self) -> bool {
        let Some(times) = self.times else { return true };
        let done = std::fs::read_to_string("misbehaved").unwrap_or_default().len();
        std::fs::write("misbehaved", "x".repeat(done + 1)).unwrap();
        done < times
    }

    /// Faults of a worker that is broken while it generates.
    fn misbehave(&self, output: &str) -> Result<(), RpcError> {
        let mut stdout = io::stdout();
        match self.fault.as_str() {
            "die" => std::process::exit(7),
            "hang" => std::thread::sleep(Duration::from_secs(3600)),
            "rubbish" => writeln!(stdout, "Loading checkpoint shards: 100%").unwrap(),
            "answer-twice" => writeln!(stdout, "{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{{}}}}").unwrap(),
            "half-an-answer" => {
                write!(stdout, "{{\"jsonrpc\":\"2.0\",\"id\":").unwrap();
                stdout.flush().unwrap();
                std::process::exit(7);
            }
            "out-of-memory" => {
                return Err(RpcError::new(ErrorKind::OutOfMemory, "the device has no memory left"));
            }
            "device-lost" => return Err(RpcError::new(ErrorKind::DeviceLost, "the device fell off the bus")),
            "fails" => return Err(RpcError::new(ErrorKind::Internal, "a tensor is not where it was")),
            "swell" => swell(),
            "swell-in-a-child" => {
                // It starts in a session of its own and its parent ends at once, so neither its group nor its parent
                // leads to it.
                let me = std::env::current_exe().unwrap();
                let detached = "setsid \"$0\" swell-now & exit";
                Command::new("sh").args(["-c", detached]).arg(me).status().unwrap();
                std::thread::sleep(Duration::from_secs(3600));
            }
            "spin" => {
                (0..4).for_each(|_| drop(std::thread::spawn(|| while std::hint::black_box(true) {})));
                std::thread::sleep(Duration::from_secs(3600));
            }
            "fill" => reached(fs::write(output, vec![0; 64 << 20]))?,
            "open-files" => {
                let opened =
                    (0..100_000).map(|_| fs::File::open("/dev/null")).collect::<io::Result<Vec<_>>>();
                reached(opened.map(drop))?;
            }
            "connect" => reached(TcpStream::connect(&self.target).map(drop))?,
            "send" => {
                let sent =
                    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"x", &self.target));
                reached(sent.map(drop))?;
            }
            "read" => reached(fs::read(self.target.trim_start_matches("at:")).map(drop))?,
            "read-environment" => {
                let parent = std::os::unix::process::parent_id();
                reached(fs::read(format!("/proc/{parent}/environ")).map(drop))?;
            }
            "write" => reached(fs::write(&self.target, "x"))?,
            "answers-elsewhere" | "die-at-load" | "dies-with-a-file" | "not-a-video" | "no-file" | "link"
            | "empty" | "lies-about-time" | "immense" | "dies-afterwards" | "answers-again" => {}
            other => panic!("unknown fault {other}"),
        }
        Ok(())
    }

    /// Faults that a broken worker may add to a valid video and answer.
    fn spoil(&self, result: GenerateResult) -> GenerateResult {
        let file = std::path::Path::new(&result.output);
        match self.fault.as_str() {
            "not-a-video" => std::fs::write(file, "this is no video").unwrap(),
            "empty" => std::fs::write(file, "").unwrap(),
            "no-file" => std::fs::remove_file(file).unwrap(),
            "link" => {
                std::fs::remove_file(file).unwrap();
                std::os::unix::fs::symlink("/etc/hostname", file).unwrap();
            }
            "lies-about-time" => {
                return GenerateResult { start_ns: 1 << 62, end_ns: 1 << 62, stages: vec![], ..result };
            }
            "dies-afterwards" => {
                std::thread::spawn(|| {
                    std::thread::sleep(Duration::from_millis(50));
                    std::process::exit(7);
                });
            }
            "answers-again" => {
                std::thread::spawn(|| {
                    std::thread::sleep(Duration::from_millis(50));
                    // Written through /proc, because the serving loop holds the lock of stdout.
                    std::fs::write("/proc/self/fd/1", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n")
                        .unwrap();
                });
            }
            "answers-elsewhere" => return GenerateResult { output: self.target.clone(), ..result },
            "immense" => return GenerateResult { peak_rss_bytes: Some(u64::MAX), ..result },
            _ => {}
        }
        result
    }
}

/// Prefix of the names of its models, which are all the same.
const MODEL: &str = "rendered-shapes";

/// Reports the result of reaching for something that a confinement forbids: always an error, which says whether it was
/// reached.
fn reached(tried: io::Result<()>) -> Result<(), RpcError> {
    let what = tried.map_or_else(|error| error.to_string(), |()| "it was reached".into());
    Err(RpcError::new(ErrorKind::Internal, what))
}

/// Allocates and touches memory without end.
fn swell() {
    let mut held = Vec::new();
    loop {
        held.push(std::hint::black_box(vec![1_u8; 4 << 20]));
        // Slow enough for a machine that checks late to stay safe.
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn model_id() -> ModelId {
    ModelId::new(MODEL).expect("invariant: a constant of the right form")
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let fault = args.get(1).cloned().unwrap_or_default();
    if fault == "swell-now" {
        swell();
    }
    let (fault, times) =
        fault.split_once('@').map_or((fault.as_str(), None), |(fault, n)| (fault, n.parse().ok()));
    let at_seed = args.get(2).and_then(|seed| seed.parse().ok()).unwrap_or(u64::MAX);
    let target = args.get(3).cloned().unwrap_or_default();
    let (fault, memory, busy) = (fault.into(), Vec::new(), Duration::ZERO);
    let mut worker = ShapesWorker { fault, times, at_seed, memory, busy, target };
    serve(io::stdin().lock(), io::stdout().lock(), &mut worker).map(|_| ())
}
