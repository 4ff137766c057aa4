//! Makes a run of a suite in which the first DONE samples have an outcome, for `cargo xtask bench resume`: as if it had
//! been killed there.

use std::io::Write as _;
use std::path::Path;

use vidbench::SystemClock;
use vidbench_core::{Outcome, Verdict};
use vidbench_store::Store;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, suite, workspace, done] = args.as_slice() else {
        return Err("usage: bench_resume SUITE WORKSPACE DONE".into());
    };
    let prepared = vidbench::read_suite(Path::new(suite))?;
    let store = Store::open(Path::new(workspace))?;
    let run = vidbench::new_run(&prepared, vidbench::environment(args.clone()), &SystemClock::start());
    store.create_run(&run)?;
    let _lock = store.lock_run(&run.id)?;
    let samples = prepared.plan.samples.iter().take(done.parse()?);
    for sample in samples.clone() {
        // A failed sample needs no video.
        let verdict = Verdict {
            sample: sample.id,
            outcome: Outcome::Timeout,
            reason: Some("no answer to generate within 600.0 s".into()),
            facts: None,
            scores: vec![],
            features: vec![],
            score_secs: 0.0,
        };
        store.record_verdict(&run.id, sample.ordinal, &verdict)?;
    }
    let (planned, done) = (run.planned, samples.count());
    writeln!(std::io::stdout(), "{{\"planned\": {planned}, \"done\": {done}}}")?;
    Ok(())
}
