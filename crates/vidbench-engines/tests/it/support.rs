//! What the tests share: the worker under test, a clock, requests.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use vidbench_core::protocol::GenerateParams;
use vidbench_core::{Clock, Params};
use vidbench_engines::WorkerCommand;

/// Long enough for a loaded machine; no sound worker needs it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

struct TestClock(Instant);

impl Clock for TestClock {
    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap()
    }

    fn unix_ms(&self) -> i64 {
        0
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(TestClock(Instant::now()))
}

pub(crate) fn worker(mode: &str) -> WorkerCommand {
    WorkerCommand::new(env!("CARGO_BIN_EXE_vidbench-test-worker")).args([mode])
}

pub(crate) fn params() -> Params {
    Params { steps: 3, guidance: 1.0, frames: 4, width: 16, height: 16, fps: 8.0 }
}

pub(crate) fn generate_params(folder: &Path, name: &str) -> GenerateParams {
    let value = json!({"sample": "ab".repeat(16), "model": "toy", "prompt": "a circle", "seed": 7,
        "params": params(), "output": folder.join(name)});
    serde_json::from_value(value).unwrap()
}
