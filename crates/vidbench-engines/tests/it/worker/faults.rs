//! What a worker can do instead of generating.

use std::io::Write as _;

use serde_json::Value;

use super::{Command, ExitCode, Stdio, Worker, answer, hang, json, put, say};

impl Worker {
    /// Does what the mode says instead of `generate`; returns a status when the process is to end.
    pub(super) fn misbehave(&self, request: &Value) -> Option<ExitCode> {
        let id = &request["id"];
        match self.mode.as_str() {
            "rubbish" => put(b"\x1b[31mCUDA warning\n"),
            "invalid-utf8" => put(b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\xfe\"}\n"),
            "huge-line" => {
                let long = "x".repeat(5 << 20);
                say(&json!({"jsonrpc": "2.0", "id": id, "result": {"output": long}}));
            }
            "wrong-id" => say(&answer(&json!(4711), Ok(json!({})))),
            "wrong-shape" => say(&answer(id, Ok(json!({"output": 5})))),
            "result-and-error" => {
                let mut message = answer(id, Err((-32000, "internal", "both".into())));
                message["result"] = json!({});
                say(&message);
            }
            "refuses" => say(&answer(id, Err((-32000, "out_of_memory", "no room".into())))),
            "dies" => {
                let _ = writeln!(std::io::stderr(), "device fell over");
                return Some(ExitCode::from(7));
            }
            "dies-and-leaves-its-pipe-open" => {
                let _ = Command::new("setsid").args(["sleep", "600"]).stdin(Stdio::null()).spawn();
                return Some(ExitCode::from(7));
            }
            "dies-mid-line" => {
                put(br#"{"jsonrpc":"2.0","id":"#);
                return Some(ExitCode::from(7));
            }
            "aborts" => std::process::abort(),
            "hangs" => hang(),
            "floods-stdout" => loop {
                put(&[b'x'; 1 << 16]);
            },
            "floods-notifications" => loop {
                say(
                    &json!({"jsonrpc": "2.0", "method": "log", "params": {"level": "info", "message": "again"}}),
                );
            },
            "floods-stderr" => {
                let mut stderr = std::io::stderr().lock();
                let line = [b'e'; 1023];
                for _ in 0..4096 {
                    let _ = stderr.write_all(&line).and_then(|()| stderr.write_all(b"\n"));
                }
            }
            "grandchild" => {
                let mut sleep = Command::new("sleep");
                let sleep = sleep.arg("600").stdin(Stdio::null()).stdout(Stdio::inherit()).spawn();
                let pid = sleep.map_or(0, |child| child.id());
                say(&json!({"jsonrpc": "2.0", "method": "log",
                    "params": {"level": "info", "message": pid.to_string()}}));
                hang();
            }
            _ => {}
        }
        None
    }
}
