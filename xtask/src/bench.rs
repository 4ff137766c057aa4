//! Benchmarks: ours, the peer's or the limit's figure, and the ratio, in one run.

use anyhow::Result;

pub(crate) fn run(_name: Option<&str>) -> Result<()> {
    anyhow::bail!("no benchmark yet")
}
