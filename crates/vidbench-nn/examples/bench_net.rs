//! Prints the time of one pass of a net, for `cargo xtask bench nets`: `bench_net FOLDER NET THREADS NAME=SHAPE...`. It
//! uses the random weights of the folder (`vidbench nets random`, in `FOLDER/random-1`) and inputs of the given shape,
//! such as `image=8x3x224x224`.

use std::error::Error;
use std::io::Write as _;
use std::time::Instant;

use vidbench_nn::nets::{Net, random_uniform};
use vidbench_nn::{NetStore, Runtime, SessionOptions, Tensor};

const SEED: u64 = 1;
/// Passes that are timed, unless they take longer than `SECS`.
const PASSES: usize = 20;
const LEAST_PASSES: usize = 3;
const SECS: f64 = 10.0;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, name, threads, inputs @ ..] = args.as_slice() else {
        return Err("FOLDER NET THREADS NAME=SHAPE...".into());
    };
    let options = SessionOptions::on_cpu(threads.parse()?, Runtime::OnnxRuntime);
    let ready = NetStore::at(folder).random(SEED).ready(name)?;
    let net = Net::load(ready.skeleton, ready.weights, &options)?;
    let inputs = inputs.iter().map(|text| input(text)).collect::<Result<Vec<_>, _>>()?;
    let named: Vec<(&str, Tensor)> = inputs.iter().map(|(name, tensor)| (*name, tensor.clone())).collect();
    net.run(&named)?;
    let (begin, mut millis) = (Instant::now(), Vec::new());
    while millis.len() < LEAST_PASSES || (millis.len() < PASSES && begin.elapsed().as_secs_f64() < SECS) {
        let start = Instant::now();
        net.run(&named)?;
        millis.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let least = millis.into_iter().fold(f64::INFINITY, f64::min);
    writeln!(std::io::stdout(), "{{\"millis\": {least:.3}, \"runtime\": \"{}\"}}", net.runtime_name())?;
    Ok(())
}

/// An input of values from -1 to 1.
fn input(text: &str) -> Result<(&str, Tensor), Box<dyn Error>> {
    let (name, shape) = text.split_once('=').ok_or("no NAME=SHAPE")?;
    let shape = shape.split('x').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let values = random_uniform(&format!("input:{name}"), shape.iter().product(), SEED);
    Ok((name, Tensor::f32(shape, values.map(|u| (2.0 * u - 1.0) as f32).collect())?))
}
