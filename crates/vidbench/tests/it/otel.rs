//! The log at an OpenTelemetry collector. The collector here is a socket: it answers as the protocol's specification
//! says, or not at all.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::workspace::{Said, Workspace, worker_suite};

/// The requests a collector received, and its address.
struct Collector {
    got: Arc<Mutex<Vec<Value>>>,
    at: String,
}

/// A collector that answers with `answer`.
fn collector(answer: &'static str) -> Collector {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&got);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || serve(stream.unwrap(), answer, &kept));
        }
    });
    Collector { got, at }
}

fn serve(stream: TcpStream, answer: &str, got: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut bytes = 0;
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        assert_eq!(first.trim_end(), "POST /v1/logs HTTP/1.1");
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_lowercase();
            if let Some(length) = line.strip_prefix("content-length:") {
                bytes = length.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; bytes];
        reader.read_exact(&mut body).unwrap();
        got.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
        if answer.is_empty() {
            std::thread::sleep(Duration::from_secs(60));
        }
        (&stream).write_all(answer.as_bytes()).unwrap();
    }
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

fn run(workspace: &Workspace, endpoint: &str) -> Said {
    workspace.write("suite.toml", worker_suite("[1, 2]", "die", 2, ""));
    let mut command = workspace.command(["run", "suite.toml", "--log", "none"]);
    Said::from(command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).output().unwrap())
}

/// An attribute of a record.
fn attribute<'r>(record: &'r Value, key: &str) -> Option<&'r Value> {
    let found = record["attributes"].as_array()?.iter().find(|attribute| attribute["key"] == key)?;
    found["value"].as_object()?.values().next()
}

#[test]
fn every_line_is_a_record_with_its_ids_and_none_is_lost_at_the_end() {
    let (workspace, collector) = (Workspace::new(), collector(TAKEN));
    let said = run(&workspace, &collector.at);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let got = collector.got.lock().unwrap();
    let service = attribute(&got[0]["resourceLogs"][0]["resource"], "service.name");
    assert_eq!(service, Some(&"vidbench".into()));
    let scopes = got.iter().flat_map(|request| request["resourceLogs"][0]["scopeLogs"].as_array().unwrap());
    let records: Vec<&Value> = scopes.flat_map(|scope| scope["logRecords"].as_array().unwrap()).collect();
    let run = workspace.export()["run"]["id"].clone();
    assert!(records.iter().all(|record| attribute(record, "vidbench.run") == Some(&run)), "{records:?}");
    let judged: Vec<_> = records.iter().filter_map(|record| attribute(record, "vidbench.outcome")).collect();
    assert_eq!(judged, ["ok", "ok", "worker_crashed", "worker_crashed"]);
    let failed =
        records.iter().find(|record| attribute(record, "vidbench.outcome") == Some(&"worker_crashed".into()));
    assert_eq!(failed.unwrap()["severityText"], "WARN");
    assert_eq!(records.last().unwrap()["body"]["stringValue"], "run finished");
    assert!(!workspace.path().join(".vidbench/logs").exists(), "files are another matter");
}

#[test]
fn a_collector_that_refuses_or_does_not_answer_changes_nothing_but_its_own_lines() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let silent = collector("");
    let full = collector("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    for endpoint in [&nobody, &silent.at, &full.at] {
        let (workspace, begun) = (Workspace::new(), Instant::now());
        let said = run(&workspace, endpoint);
        assert_eq!(said.code, 1, "{}", said.stderr);
        assert!(said.stdout.contains("2 of 4 samples ok"), "{}", said.stdout);
        assert!(begun.elapsed() < Duration::from_secs(40), "{endpoint}: {:?}", begun.elapsed());
    }
    assert!(!silent.got.lock().unwrap().is_empty() && !full.got.lock().unwrap().is_empty());
}
