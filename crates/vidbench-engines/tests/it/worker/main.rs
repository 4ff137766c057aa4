//! A worker for the tests: sound in mode `good`, wrong in one named way in every other mode.
//!
//! It makes tiny files from the seed, simulates steps, and sleeps only where its mode says so. It shares no code with
//! the tool's own worker loop, so two readings of the protocol check each other.

mod faults;

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufRead, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const FIELDS: [(&str, &[&str]); 7] = [
    ("initialize", &["protocol_version", "client"]),
    ("load", &["model", "revision", "threads"]),
    ("generate", &["sample", "model", "prompt", "negative", "seed", "params", "output"]),
    ("score", &["path", "prompt", "metrics"]),
    ("unload", &["model"]),
    ("shutdown", &[]),
    ("ping", &[]),
];

struct Worker {
    mode: String,
    began: Instant,
    initialized: bool,
    loaded: HashSet<String>,
    calls: u64,
}

type Answer = Result<Value, (i64, &'static str, String)>;

fn main() -> ExitCode {
    let mode = std::env::args().nth(1).unwrap_or_else(|| "good".into());
    let (began, loaded) = (Instant::now(), HashSet::new());
    let mut worker = Worker { mode, began, initialized: false, loaded, calls: 0 };
    for line in io::stdin().lock().split(b'\n') {
        let Ok(line) = line else { return ExitCode::FAILURE };
        if let Some(code) = worker.serve(&line) {
            return code;
        }
    }
    if worker.is("ignores-end-of-input") {
        hang();
    }
    ExitCode::SUCCESS
}

fn hang() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

/// Writes bytes as they are; a worker whose client has gone has nothing to report.
fn put(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

fn say(message: &Value) {
    put(format!("{message}\n").as_bytes());
}

fn invalid(message: impl Into<String>) -> (i64, &'static str, String) {
    (-32000, "invalid_request", message.into())
}

impl Worker {
    fn is(&self, mode: &str) -> bool {
        self.mode == mode
    }

    fn now_ns(&self) -> u64 {
        1_000_000_000 + u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn serve(&mut self, line: &[u8]) -> Option<ExitCode> {
        let Ok(request) = serde_json::from_slice::<Value>(line) else {
            let code = if self.is("wrong-parse-code") { -32600 } else { -32700 };
            say(&answer(&Value::Null, Err((code, "invalid_request", "not JSON".into()))));
            return None;
        };
        let method = request["method"].as_str().unwrap_or_default().to_owned();
        if method == "generate"
            && let Some(code) = self.misbehave(&request)
        {
            return Some(code);
        }
        let result = self.dispatch(&method, &request["params"]);
        self.reply(&method, &request["id"], result);
        (method == "shutdown").then(|| self.exit())
    }

    fn exit(&self) -> ExitCode {
        if self.is("shutdown-lingers") {
            hang();
        }
        if self.is("exit-status") { ExitCode::from(3) } else { ExitCode::SUCCESS }
    }

    fn reply(&self, method: &str, id: &Value, result: Answer) {
        let mut message = answer(id, result);
        match self.mode.as_str() {
            "wrong-jsonrpc" => message["jsonrpc"] = "1.0".into(),
            "null-ids" => message["id"] = Value::Null,
            "rubbish-beside" if method == "ping" => put(b"loading 100%\n"),
            "unknown-notification" if method == "ping" => {
                say(&json!({"jsonrpc": "2.0", "method": "dance", "params": {}}));
            }
            "unknown-error-kind" if message["error"]["code"] == -32601 => {
                message["error"]["data"]["kind"] = "sad".into();
            }
            _ => {}
        }
        say(&message);
        if self.is("answers-twice") {
            say(&message);
        }
    }

    fn dispatch(&mut self, method: &str, params: &Value) -> Answer {
        let Some((_, fields)) = FIELDS.iter().find(|(name, _)| *name == method) else {
            let code = if self.is("wrong-method-code") { -32600 } else { -32601 };
            return Err((code, "unsupported", format!("unknown method {method}")));
        };
        let unknown =
            params.as_object().into_iter().flatten().find(|(key, _)| !fields.contains(&key.as_str()));
        if let Some((key, _)) = unknown
            && !self.is("drops-unknown-fields")
        {
            return Err((-32602, "invalid_request", format!("unknown field {key}")));
        }
        if method != "initialize" && !self.initialized && !self.is("serves-uninitialized") {
            return Err(invalid("not initialized"));
        }
        self.calls += 1;
        match method {
            "initialize" => self.initialize(params),
            "load" => self.load(params),
            "generate" => self.generate(params),
            "score" => self.score(params),
            "unload" => {
                if !self.is("keeps-unloaded") {
                    self.loaded.clear();
                }
                Ok(json!({}))
            }
            "ping" if self.is("clock-goes-back") => Ok(json!({"clock_ns": 1_000_000 - self.calls})),
            "ping" => Ok(json!({"clock_ns": self.now_ns()})),
            _ => Ok(json!({})),
        }
    }

    fn initialize(&mut self, params: &Value) -> Answer {
        if params["protocol_version"] != 1 && !self.is("speaks-any-version") {
            return Err((-32000, "unsupported", "protocol version 1 only".into()));
        }
        self.initialized = true;
        let name = if self.is("nameless") { "" } else { "test worker" };
        let version = if self.is("speaks-version-2") { 2 } else { 1 };
        Ok(
            json!({"protocol_version": version, "name": name, "version": "1", "clock_ns": if self.is("clock-goes-back") { 1_000_000 } else { self.now_ns() },
            "capabilities": {"models": ["toy"], "metrics": ["toy@1"]}}),
        )
    }

    fn load(&mut self, params: &Value) -> Answer {
        let model = params["model"].as_str().unwrap_or_default();
        if model != "toy" && !self.is("loads-anything") {
            return Err(invalid(format!("unknown model {model}: known is toy")));
        }
        if self.is("downloads") || self.is("download-stops") {
            for done in 1..=4 {
                say(
                    &json!({"jsonrpc": "2.0", "method": "download", "params": {"done_bytes": done, "total_bytes": 4}}),
                );
                std::thread::sleep(std::time::Duration::from_millis(if done < 4 || self.is("downloads") {
                    200
                } else {
                    60_000
                }));
            }
        }
        self.loaded.insert(model.into());
        let id = if self.is("loads-another") { "other" } else { model };
        let model = json!({"id": id, "revision": null, "weights": "random", "domain": "synthetic-domain",
            "runtime": "none"});
        Ok(json!({"model": model, "load_secs": 0.001}))
    }

    fn score(&self, params: &Value) -> Answer {
        let path = params["path"].as_str().unwrap_or_default();
        let missing = !std::path::Path::new(path).is_file() && !self.is("scores-missing-files");
        if missing {
            return Ok(
                json!({"decoded": {"failed": {"reason": "no such file"}}, "scores": [], "features": [],
                "decode_secs": 0.0, "score_secs": 0.0}),
            );
        }
        let facts = json!({"container": "none", "codec": "none", "pixel_format": "none", "width": 8, "height": 8,
            "frames": 1, "fps": 8.0, "duration_secs": null, "black_frames": 0, "duplicate_frames": 0,
            "frozen": false});
        Ok(json!({"decoded": {"facts": facts}, "scores": [{"metric": "toy@1", "score": {"value": 0.5}}],
            "features": [], "decode_secs": 0.0, "score_secs": 0.0}))
    }

    fn generate(&self, params: &Value) -> Answer {
        let model = params["model"].as_str().unwrap_or_default();
        let excused = self.loaded.is_empty() && self.is("generates-unloaded");
        if !self.loaded.contains(model) && !excused {
            return Err(invalid("load first"));
        }
        if params["params"]["frames"] == 0 && !self.is("takes-zero-frames") {
            return Err(invalid("params.frames is 0"));
        }
        let start_ns = self.now_ns();
        self.steps(params["params"]["steps"].as_u64().unwrap_or(1));
        self.write_file(params).map_err(|error| (-32000, "internal", error.to_string()))?;
        Ok(self.generated(params, start_ns))
    }

    fn steps(&self, total: u64) {
        let first = u64::from(!self.is("steps-from-zero"));
        for index in first..=total {
            if self.is("skips-a-step") && index == 1 {
                continue;
            }
            let t_ns = if self.is("step-times-go-back") { 100 - index } else { self.now_ns() };
            say(
                &json!({"jsonrpc": "2.0", "method": "step", "params": {"index": index, "total": total, "t_ns": t_ns}}),
            );
        }
    }

    fn write_file(&self, params: &Value) -> io::Result<()> {
        let path = params["output"].as_str().unwrap_or_default();
        let seed = if self.is("ignores-the-seed") { 0 } else { params["seed"].as_u64().unwrap_or_default() };
        let salt = if self.is("not-reproducible") { self.calls } else { 0 };
        match self.mode.as_str() {
            "writes-nothing" => return Ok(()),
            "writes-empty" => return fs::write(path, ""),
            "writes-another-too" => fs::write(format!("{path}.tmp"), "left behind")?,
            _ => {}
        }
        fs::write(path, format!("clip of seed {seed} {salt}"))
    }

    fn generated(&self, params: &Value, start_ns: u64) -> Value {
        let middle_ns = self.now_ns();
        let end_ns = self.now_ns();
        let span = |name: &str, start_ns: u64, end_ns: u64| json!({"name": name, "start_ns": start_ns, "end_ns": end_ns});
        let stages = match self.mode.as_str() {
            "stages-overlap" => {
                json!([span("denoise", start_ns, end_ns), span("vae_decode", start_ns, end_ns)])
            }
            "unknown-stage" => json!([span("nap", start_ns, end_ns)]),
            _ => json!([
                span("denoise", start_ns, middle_ns),
                span("vae_decode", middle_ns, end_ns),
                span("encode", end_ns, end_ns)
            ]),
        };
        let start_ns = if self.is("starts-before-the-request") { 1 } else { start_ns };
        let output =
            if self.is("names-another-file") { json!("/elsewhere.mp4") } else { params["output"].clone() };
        json!({"output": output, "start_ns": start_ns, "end_ns": end_ns, "stages": stages, "peak_rss_bytes": null})
    }
}

fn answer(id: &Value, result: Answer) -> Value {
    match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err((code, kind, message)) => json!({"jsonrpc": "2.0", "id": id,
            "error": {"code": code, "message": message, "data": {"kind": kind}}}),
    }
}
