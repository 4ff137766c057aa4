//! Compares cache policies on every trace that ships, or on records in files, and prints JSON: `cargo xtask bench
//! cache` shows it.

mod bound;
mod simulate;
mod trace;

use serde_json::{Value, json};

use crate::simulate::Outcome;

/// Cache budgets, as shares of the total size of all entries requested.
const SHARES: [f64; 3] = [0.05, 0.2, 0.5];

#[expect(clippy::print_stdout, reason = "what the caller reads")]
fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let traces = if files.is_empty() { trace::all() } else { files.iter().map(|file| read(file)).collect() };
    let rows: Vec<Value> = traces.iter().flat_map(|trace| SHARES.map(|share| row(trace, share))).collect();
    println!("{}", Value::from(rows));
}

fn read(file: &str) -> trace::Trace {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    trace::recorded(file, &text).unwrap_or_else(|why| panic!("{why}"))
}

fn row(trace: &trace::Trace, share: f64) -> Value {
    let capacity = (trace.distinct_bytes() as f64 * share) as u64;
    let requests = trace.accesses().count();
    let told = |outcome: Outcome| {
        json!({
            "hit_rate": outcome.hits as f64 / requests as f64,
            "saved_secs": outcome.saved_secs,
            "evictions": outcome.evictions,
        })
    };
    json!({
        "trace": trace.name,
        "share": share,
        "requests": requests,
        "one_plan": trace.is_one_plan(),
        "ours": told(simulate::ours(trace, capacity)),
        "knowing_all": told(simulate::ours_knowing_all(trace, capacity)),
        "lru": told(simulate::lru(trace, capacity)),
        "tiny_lfu": told(simulate::tiny_lfu(trace, capacity)),
        "bound_saved_secs": bound::most_saved_secs(trace, capacity),
    })
}
