//! Compares cache policies on recorded requests and on requests generated from the included suites. Nothing is timed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{cargo, number, target};

/// Your own request record instead of the included ones; vidbench writes one to `VIDBENCH_CACHE_REQUESTS`.
const REQUESTS: &str = "VIDBENCH_BENCH_REQUESTS";

/// The policies, by their keys and as they are printed.
const POLICIES: [(&str, &str); 4] =
    [("ours", "ours"), ("lru", "LRU"), ("tiny_lfu", "W-TinyLFU"), ("knowing_all", "ours, knowing all")];

/// Hit rate, seconds saved and evictions of each policy, and the upper bound of savings.
pub(super) fn cache(_: &Path) -> Result<()> {
    cargo(&["build", "--workspace", "--example", "bench_cache"])?;
    let file = std::env::var_os(REQUESTS);
    let output = Command::new(target().join("debug/examples/bench_cache")).args(file).output()?;
    if !output.status.success() {
        bail!("bench_cache failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let rows: Value = serde_json::from_slice(&output.stdout).context("bench_cache printed no JSON")?;
    println!("{:<34} {:>12} {:>12} {:>10} {:>9}", "cache", "hit rate", "saved", "evictions", "of bound");
    for row in rows.as_array().context("bench_cache printed no list")? {
        table(row)?;
    }
    Ok(())
}

fn table(row: &Value) -> Result<()> {
    let bound = number(row, "bound_saved_secs")?;
    let name = row["trace"].as_str().context("a trace has no name")?;
    let plan = if row["one_plan"] == true { ", one known plan" } else { "" };
    let share = 100.0 * number(row, "share")?;
    println!("{name}: {} requests, {share:.0} % of the requested data fits{plan}", row["requests"]);
    for (key, policy) in POLICIES {
        let of = &row[key];
        let saved = number(of, "saved_secs")?;
        println!(
            "  {policy:<32} {:>10.1} % {saved:>10.1} s {:>10} {:>7.1} %",
            100.0 * number(of, "hit_rate")?,
            of["evictions"].to_string(),
            100.0 * saved / bound
        );
    }
    println!("  {:<32} {:>12} {bound:>10.1} s", "upper bound for any policy", "");
    Ok(())
}
