//! Policies of the cache side by side on every trace that ships, as JSON: `cargo xtask bench cache` prints it.

mod bound;
mod simulate;
mod trace;

use serde_json::{Value, json};

use crate::simulate::Outcome;

/// Budgets, as shares of everything that is asked for.
const SHARES: [f64; 3] = [0.05, 0.2, 0.5];

#[expect(clippy::print_stdout, reason = "what the caller reads")]
fn main() {
    let rows: Vec<Value> =
        trace::all().iter().flat_map(|trace| SHARES.map(|share| row(trace, share))).collect();
    println!("{}", Value::from(rows));
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
