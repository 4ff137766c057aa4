//! Prints what a breaker and the sensors cost, for `cargo xtask bench breaker`: nanoseconds per question and report,
//! with one thread and with a second one using the breaker too.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use vidbench_core::Breaker as Settings;
use vidbench_runner::{Breaker, Call, Permit};

const CALLS: u64 = 2_000_000;

fn main() -> std::io::Result<()> {
    let breaker = Breaker::new(Settings::default(), 5);
    let alone = nanoseconds(&breaker);
    let beside = std::thread::scope(|scope| {
        let other = scope.spawn(|| nanoseconds(&breaker));
        let here = nanoseconds(&breaker);
        other.join().map_or(here, |there| here.max(there))
    });
    writeln!(std::io::stdout(), "{{\"alone_ns\": {alone:.1}, \"beside_another_ns\": {beside:.1}}}")
}

/// Nanoseconds of one call to the breaker; a call to a worker makes two of them.
fn nanoseconds(breaker: &Breaker) -> f64 {
    let start = Instant::now();
    for now_ns in 0..CALLS {
        if let (Permit::Granted { epoch }, _) = breaker.ask(black_box(now_ns)) {
            black_box(breaker.report(epoch, now_ns, Call::Ok));
        }
    }
    start.elapsed().as_nanos() as f64 / (2 * CALLS) as f64
}
