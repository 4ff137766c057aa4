//! What the loop answers to good and bad lines.

use std::io::{self, Write};

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use vidbench_core::protocol::{
    Capabilities, GenerateParams, GenerateResult, LoadParams, LoadResult, LoadedModel, MAX_LINE_BYTES,
    RpcError, Stage,
};
use vidbench_core::{Domain, ErrorKind, ModelId, WeightsOrigin};
use vidbench_worker::{Exit, Handler, Notifier, WorkerInfo, serve};

/// Loads anything but "absent", panics on the prompt "panic", and cannot score.
struct Toy;

impl Handler for Toy {
    fn initialize(&mut self) -> WorkerInfo {
        let capabilities = Capabilities { any_model: true, ..Capabilities::default() };
        WorkerInfo { name: "toy".into(), version: "1".into(), capabilities }
    }

    fn load(&mut self, params: &LoadParams, _: &mut Notifier<'_>) -> Result<LoadResult, RpcError> {
        if params.model.as_str() == "absent" {
            return Err(RpcError::new(ErrorKind::WeightsMissing, "no weights").with_hint("fetch them"));
        }
        let (weights, domain) = (WeightsOrigin::Random, Domain::SyntheticDomain);
        let id = params.model.clone();
        let model = LoadedModel {
            id,
            revision: None,
            weights,
            domain,
            runtime: "none".into(),
            device: None,
            reads_prompt: true,
        };
        Ok(LoadResult { model, load_secs: 0.5 })
    }

    fn generate(
        &mut self,
        params: &GenerateParams,
        notifier: &mut Notifier<'_>,
    ) -> Result<GenerateResult, RpcError> {
        assert_ne!(params.prompt, "panic", "asked to");
        notifier.step(1, 2);
        notifier.step(2, 2);
        notifier.stage(Stage::Denoise, 3, 4);
        notifier.log("info", "made");
        let output = params.output.clone();
        Ok(GenerateResult {
            output,
            start_ns: 3,
            end_ns: 4,
            stages: Vec::new(),
            peak_rss_bytes: None,
            peak_device_bytes: None,
        })
    }

    fn unload(&mut self, _: &ModelId) -> Result<(), RpcError> {
        Ok(())
    }
}

fn request(id: u64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string() + "\n"
}

fn hello() -> String {
    request(0, "initialize", &json!({"protocol_version": 1, "client": "test"}))
}

fn load() -> String {
    request(1, "load", &json!({"model": "toy", "threads": 1}))
}

fn generate(id: u64, change: impl FnOnce(&mut Value)) -> String {
    let params = json!({"steps": 2, "guidance": 1.0, "frames": 1, "width": 8, "height": 8, "fps": 8.0});
    let output = std::env::temp_dir().join("vidbench-serve-test-never-written.mp4");
    let mut request = json!({"sample": "00".repeat(16), "model": "toy", "prompt": "p", "seed": 1,
        "params": params, "output": output});
    change(&mut request);
    self::request(id, "generate", &request)
}

/// Serves `input` and gives the answers, one a line, with clock values replaced by T.
fn answers(input: impl AsRef<[u8]>) -> (String, Exit) {
    let mut output = Vec::new();
    let exit = serve(input.as_ref(), &mut output, &mut Toy).unwrap();
    (redact(std::str::from_utf8(&output).unwrap()), exit)
}

fn redact(text: &str) -> String {
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &mut lines {
        for (parent, key) in [("/result", "clock_ns"), ("/params", "t_ns")] {
            if let Some(clock) = line.pointer_mut(parent).and_then(|parent| parent.get_mut(key)) {
                assert!(clock.is_u64());
                *clock = "T".into();
            }
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn check(input: &str, expected: &Expect) {
    expected.assert_eq(&answers(input).0);
}

/// The answer to `line` after `initialize` and `load`, which must leave the loop alive.
fn check_alive(line: impl AsRef<[u8]>, expected: &Expect) {
    let input =
        [hello().as_bytes(), load().as_bytes(), line.as_ref(), request(99, "ping", &json!({})).as_bytes()]
            .concat();
    let (text, exit) = answers(input);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(exit, Exit::EndOfInput);
    assert_eq!(lines.last(), Some(&r#"{"jsonrpc":"2.0","id":99,"result":{"clock_ns":"T"}}"#));
    expected.assert_eq(&lines[2..lines.len() - 1].join("\n"));
}

#[test]
fn a_whole_session_is_answered_in_order() {
    let session = [
        hello(),
        load(),
        request(3, "ping", &Value::Null),
        request(4, "unload", &json!({"model": "toy"})),
        request(5, "shutdown", &json!({})),
        request(6, "ping", &json!({})),
    ]
    .concat();
    check(
        &session,
        &expect![[r#"
            {"jsonrpc":"2.0","id":0,"result":{"protocol_version":1,"name":"toy","version":"1","capabilities":{"models":[],"any_model":true,"metrics":[]},"clock_ns":"T"}}
            {"jsonrpc":"2.0","id":1,"result":{"model":{"id":"toy","revision":null,"weights":"random","domain":"synthetic-domain","runtime":"none","device":null},"load_secs":0.5}}
            {"jsonrpc":"2.0","id":3,"result":{"clock_ns":"T"}}
            {"jsonrpc":"2.0","id":4,"result":{}}
            {"jsonrpc":"2.0","id":5,"result":{}}
        "#]],
    );
    assert_eq!(answers(&session).1, Exit::Shutdown);
}

#[test]
fn the_end_of_input_ends_the_loop() {
    assert_eq!(answers("").1, Exit::EndOfInput);
    assert_eq!(answers(hello()).1, Exit::EndOfInput);
}

#[test]
fn a_line_cut_off_by_the_end_of_input_is_not_served() {
    let input = hello() + load().trim_end();
    assert_eq!(answers(input).0.lines().count(), 1);
}

#[test]
fn notifications_come_before_the_answer() {
    let (text, _) = answers(hello() + &load() + &generate(2, |_| ()));
    let notifications: Vec<&str> = text.lines().skip(2).take(4).collect();
    expect![[r#"
        {"jsonrpc":"2.0","method":"step","params":{"index":1,"total":2,"t_ns":"T"}}
        {"jsonrpc":"2.0","method":"step","params":{"index":2,"total":2,"t_ns":"T"}}
        {"jsonrpc":"2.0","method":"stage","params":{"name":"denoise","start_ns":3,"end_ns":4}}
        {"jsonrpc":"2.0","method":"log","params":{"level":"info","message":"made"}}"#]]
    .assert_eq(&notifications.join("\n"));
    assert!(text.lines().nth(6).unwrap().starts_with(r#"{"jsonrpc":"2.0","id":2,"result":"#));
}

#[test]
fn nothing_is_served_before_initialize_and_initialize_only_once() {
    check(
        &[load(), request(7, "ping", &json!({})), hello(), hello()].concat(),
        &expect![[r#"
            {"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"load came before initialize","data":{"kind":"invalid_request"}}}
            {"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"ping came before initialize","data":{"kind":"invalid_request"}}}
            {"jsonrpc":"2.0","id":0,"result":{"protocol_version":1,"name":"toy","version":"1","capabilities":{"models":[],"any_model":true,"metrics":[]},"clock_ns":"T"}}
            {"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"initialize came twice","data":{"kind":"invalid_request"}}}
        "#]],
    );
}

#[test]
fn another_protocol_version_is_refused() {
    check(
        &request(0, "initialize", &json!({"protocol_version": 2, "client": "test"})),
        &expect![[r#"
            {"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"protocol version 2 is not supported: this worker speaks 1","data":{"kind":"unsupported","hint":"use a client and a worker from the same release"}}}
        "#]],
    );
}

#[test]
fn lines_that_are_not_requests_are_answered_and_survived() {
    check_alive(
        "rubbish\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the line is not JSON: expected value at line 1 column 1","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        b"\xff\xfe{}\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the line is not JSON: expected value at line 1 column 1","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        "\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the line is not JSON: EOF while parsing a value at line 1 column 0","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        "[]\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"not a request: not an object","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        "[\"2.0\",5,\"ping\",null]\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"not a request: not an object","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        "{\"jsonrpc\":\"2.0\",\"id\":5,\"id\":6,\"method\":\"ping\"}\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":6,"error":{"code":-32600,"message":"not a request: duplicate field `id` at line 1 column 28","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        "{\"jsonrpc\":\"1.0\",\"id\":5,\"method\":\"ping\"}\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":5,"error":{"code":-32600,"message":"jsonrpc is \"1.0\", not \"2.0\"","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"ping\",\"extra\":1}\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":6,"error":{"code":-32600,"message":"not a request: extra: unknown field `extra`, expected one of `jsonrpc`, `id`, `method`, `params` at line 1 column 47","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        "{\"jsonrpc\":\"2.0\",\"id\":-1,\"method\":\"ping\"}\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"not a request: id: invalid value: integer `-1`, expected u64 at line 1 column 24","data":{"kind":"invalid_request"}}}"#
        ]],
    );
}

#[test]
fn a_line_that_is_too_long_is_answered_and_survived() {
    let line = vec![b' '; MAX_LINE_BYTES + 10].into_iter().chain(*b"\n").collect::<Vec<u8>>();
    check_alive(
        line,
        &expect![[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the line is longer than 4194304 bytes","data":{"kind":"invalid_request"}}}"#
        ]],
    );
}

#[test]
fn deeply_nested_json_is_answered_and_survived() {
    check_alive(
        "[".repeat(1_000_000) + "\n",
        &expect![[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the line is not JSON: recursion limit exceeded at line 1 column 128","data":{"kind":"invalid_request"}}}"#
        ]],
    );
}

#[test]
fn an_unknown_method_is_answered_with_the_known_ones() {
    check_alive(
        request(3, "genrate", &json!({})),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32601,"message":"unknown method \"genrate\": known are initialize, load, generate, score, unload, shutdown, ping","data":{"kind":"unsupported"}}}"#
        ]],
    );
}

#[test]
fn bad_parameters_are_refused_by_name() {
    check_alive(
        request(3, "load", &json!({"model": "toy", "threads": 1, "thread": 2})),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"parameters of load do not fit: thread: unknown field `thread`, expected one of `model`, `revision`, `threads`, `settings`","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        request(3, "load", &json!({"model": "toy"})),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"parameters of load do not fit: missing field `threads`","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        request(3, "load", &json!({"model": "../toy", "threads": 1})),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"parameters of load do not fit: model: model id \"../toy\" is not valid: use 1 to 128 letters, digits and . _ - /","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        request(3, "load", &json!({"model": "toy", "threads": 0})),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"threads is 0: must be at least 1","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        request(3, "ping", &json!({"surprise": 1})),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"parameters of ping do not fit: surprise: unknown field `surprise`, there are no fields","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        request(3, "load", &json!(["toy", null, 1])),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"parameters of load are not an object","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        generate(3, |request| request["params"]["frames"] = json!("many")),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"parameters of generate do not fit: params.frames: invalid type: string \"many\", expected u32","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        generate(3, |request| request["params"]["steps"] = json!(0)),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"params.steps is 0: must be at least 1","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        generate(3, |request| request["params"]["fps"] = json!(-1.0)),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"params.fps is -1: must be more than 0","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        generate(3, |request| request["params"]["guidance"] = json!(-0.5)),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"params.guidance is -0.5: must be 0 or more","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        generate(3, |request| request["output"] = json!("/")),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"output \"/\" already exists","data":{"kind":"invalid_request"}}}"#
        ]],
    );
    check_alive(
        generate(3, |request| request["output"] = json!("/nowhere/at/all.mp4")),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"output \"/nowhere/at/all.mp4\" is not in a folder that exists","data":{"kind":"invalid_request"}}}"#
        ]],
    );
}

#[test]
fn a_file_that_exists_is_never_overwritten() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = generate(3, |request| request["output"] = json!(file.path()));
    let (text, _) = answers(hello() + &load() + &line);
    assert!(text.contains("already exists") && text.contains("invalid_request"), "{text}");
}

#[test]
fn a_model_must_be_loaded_before_it_is_used() {
    check_alive(
        generate(3, |request| request["model"] = json!("other")),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"model other is not loaded","data":{"kind":"invalid_request","hint":"send load first"}}}"#
        ]],
    );
    check_alive(
        request(3, "unload", &json!({"model": "other"})),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"model other is not loaded","data":{"kind":"invalid_request","hint":"send load first"}}}"#
        ]],
    );
    let unload = request(2, "unload", &json!({"model": "toy"}));
    let (text, _) = answers(hello() + &load() + &unload + &generate(3, |_| ()));
    assert!(text.lines().last().unwrap().contains("model toy is not loaded"), "{text}");
}

#[test]
fn a_failure_of_the_work_keeps_its_kind_and_hint_and_leaves_the_model_unloaded() {
    let absent = |id, method: &str| request(id, method, &json!({"model": "absent", "threads": 1}));
    check_alive(
        absent(3, "load"),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"no weights","data":{"kind":"weights_missing","hint":"fetch them"}}}"#
        ]],
    );
    let text = answers(hello() + &absent(1, "load") + &request(2, "unload", &json!({"model": "absent"}))).0;
    assert!(text.contains("model absent is not loaded"), "{text}");
}

#[test]
fn a_method_the_worker_does_not_do_is_unsupported() {
    check_alive(
        request(3, "score", &json!({"path": "x", "metrics": []})),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"this worker does not support score","data":{"kind":"unsupported"}}}"#
        ]],
    );
}

#[test]
fn a_panic_is_an_internal_error_and_the_model_stays_loaded() {
    check_alive(
        generate(3, |request| request["prompt"] = json!("panic")),
        &expect![[
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"the worker panicked in generate: assertion `left != right` failed: asked to\n  left: \"panic\"\n right: \"panic\"","data":{"kind":"internal","hint":"the worker's log on stderr shows where; this is a bug in the worker"}}}"#
        ]],
    );
    let panicking = generate(3, |request| request["prompt"] = json!("panic"));
    let (text, _) = answers(hello() + &load() + &panicking + &generate(4, |_| ()));
    assert!(text.lines().last().unwrap().contains(r#""id":4,"result""#), "{text}");
}

/// Takes `left` bytes, then fails as a closed pipe does.
struct Closing {
    left: usize,
}

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.left);
        self.left -= taken;
        if taken == 0 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_loop_ends_when_nobody_reads_wherever_the_pipe_breaks() {
    let input = hello() + &load() + &generate(2, |_| ()) + &request(3, "ping", &json!({}));
    let mut whole = Vec::new();
    serve(input.as_bytes(), &mut whole, &mut Toy).unwrap();
    for left in (0..whole.len() - 40).step_by(7) {
        let error = serve(input.as_bytes(), Closing { left }, &mut Toy).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "after {left} bytes");
    }
}

proptest! {
    #[test]
    fn every_line_of_any_bytes_gets_exactly_one_answer(lines in prop::collection::vec(prop::collection::vec(any::<u8>().prop_filter("no line feed", |byte| *byte != b'\n'), 0..80), 0..10)) {
        let input: Vec<u8> = lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect();
        prop_assert_eq!(answers(input).0.lines().count(), lines.len());
    }
}
