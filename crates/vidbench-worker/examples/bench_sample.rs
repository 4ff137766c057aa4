//! Prints the median time of one clip of the embedded model (16 guided steps and decoding), for `cargo xtask bench sample`.
//! The argument is the runtime: `tract` or `onnxruntime`.

use std::io::Write as _;
use std::time::Instant;

use vidbench_nn::{Runtime, SessionOptions};
use vidbench_shapes::parse_prompt;
use vidbench_worker::embedded::ShapesModel;

const CLIPS: u64 = 9;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::thread::available_parallelism()?.get();
    let runtime = match std::env::args().nth(1).as_deref() {
        Some("tract") => Runtime::Tract,
        Some("onnxruntime") => Runtime::OnnxRuntime,
        other => return Err(format!("the runtime is tract or onnxruntime, not {other:?}").into()),
    };
    let model = ShapesModel::load(&SessionOptions::on_cpu(threads, runtime))?;
    let attributes = parse_prompt("a large red circle moving left on a navy background")?;
    model.sample(&attributes, 0, 2, 3.0)?;
    let mut millis = Vec::new();
    for seed in 0..CLIPS {
        let start = Instant::now();
        model.sample(&attributes, seed, 16, 3.0)?;
        millis.push(start.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    writeln!(std::io::stdout(), "{{\"millis\": {:.3}}}", millis[millis.len() / 2])?;
    Ok(())
}
