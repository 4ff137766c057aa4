//! Prints what taking and judging a sensor reading costs, for `cargo xtask bench health`: microseconds, the median of
//! many.
//!
//! With `VIDBENCH_NVML` it reads devices, too.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use vidbench_core::{Clock, HealthSettings};
use vidbench_runner::Checkup;

const READINGS: u32 = 2000;

struct Monotonic(Instant);

impl Clock for Monotonic {
    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn unix_ms(&self) -> i64 {
        0
    }
}

fn main() -> std::io::Result<()> {
    let clock = Arc::new(Monotonic(Instant::now()));
    let mut checkup = Checkup::new(Path::new("."), &HealthSettings::default(), None, clock);
    checkup.look();
    let mut micros: Vec<f64> = (0..READINGS).map(|_| micros_of_a_look(&mut checkup)).collect();
    micros.sort_by(f64::total_cmp);
    writeln!(std::io::stdout(), "{{\"median_micros\": {:.1}}}", micros[micros.len() / 2])
}

/// Nothing in `look` waits, so the measured time is processor time, apart from what other programs take.
fn micros_of_a_look(checkup: &mut Checkup) -> f64 {
    let start = Instant::now();
    std::hint::black_box(checkup.look());
    start.elapsed().as_secs_f64() * 1e6
}
