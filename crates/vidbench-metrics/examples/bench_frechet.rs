//! The Fréchet distance alone, for `cargo xtask bench frechet`: `bench_frechet X.npy Y.npy` prints the median seconds
//! of the calculation and its value.

use std::error::Error;
use std::io::Write as _;
use std::time::Instant;

use vidbench_metrics::{CovDivisor, FeatureFormat, FeatureMatrix, frechet_distance, read_features};

const TIMES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [x, y] = args.as_slice() else { return Err("two files of features are needed".into()) };
    let features = |path: &str| -> Result<FeatureMatrix, Box<dyn Error>> {
        Ok(read_features(FeatureFormat::Npy, &std::fs::read(path)?, None)?)
    };
    let [x, y] = [features(x)?, features(y)?];
    let (mut secs, mut value) = (Vec::new(), 0.0);
    for _ in 0..TIMES {
        let start = Instant::now();
        value = frechet_distance(&x, &y, CovDivisor::NMinus1)?;
        secs.push(start.elapsed().as_secs_f64());
    }
    secs.sort_by(f64::total_cmp);
    writeln!(std::io::stdout(), "{{\"secs\": {:.6}, \"value\": {value}}}", secs[TIMES / 2])?;
    Ok(())
}
