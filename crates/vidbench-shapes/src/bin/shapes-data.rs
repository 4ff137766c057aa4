//! Developer tool of the training scripts: streams rendered clips out, analyses clips streamed in.
//!
//! A record is five bytes of attribute indices followed by the frames, `[16, 64, 64, 3]` bytes.
//!
//! ```text
//! shapes-data render --count N --seed S [--split train|held-out|all] > clips.raw
//! shapes-data analyse < clips.raw
//! ```

use std::io::{self, BufWriter, Read, Write};
use std::process::ExitCode;

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use vidbench_core::FramesU8;
use vidbench_shapes::{Attributes, FRAME_COUNT, FRAME_SIZE, analyse, render};

const FRAMES_LEN: usize = FRAME_COUNT * FRAME_SIZE * FRAME_SIZE * FramesU8::CHANNELS;
const USAGE: &str =
    "usage: shapes-data render --count N --seed S [--split train|held-out|all] | shapes-data analyse";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["render", options @ ..] => RenderOptions::parse(options).and_then(|options| render_all(&options)),
        ["analyse"] => analyse_all(),
        _ => Err(usage()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has enough closes the pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

struct RenderOptions {
    count: u64,
    seed: u64,
    combinations: Vec<Attributes>,
}

impl RenderOptions {
    fn parse(words: &[&str]) -> io::Result<Self> {
        let mut options = Self { count: 0, seed: 0, combinations: Attributes::all().collect() };
        for pair in words.chunks(2) {
            match pair {
                ["--count", n] => options.count = n.parse().map_err(|_| usage())?,
                ["--seed", n] => options.seed = n.parse().map_err(|_| usage())?,
                ["--split", "all"] => {}
                ["--split", "train"] => options.combinations.retain(|a| !a.is_held_out()),
                ["--split", "held-out"] => options.combinations.retain(Attributes::is_held_out),
                _ => return Err(usage()),
            }
        }
        Ok(options)
    }
}

fn usage() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, USAGE)
}

fn render_all(options: &RenderOptions) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    for _ in 0..options.count {
        let pick = rng.next_u64() % options.combinations.len() as u64;
        let attributes = options.combinations[pick as usize];
        let clip = render(&attributes, rng.next_u64());
        out.write_all(&attributes.indices().map(|i| i as u8))?;
        out.write_all(clip.as_bytes())?;
    }
    out.flush()
}

fn analyse_all() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut hits = [0_u64; 5];
    let mut clips = 0_u64;
    while let Some((attributes, frames)) = read_record(&mut input)? {
        let adherence = analyse(&frames).adherence(&attributes);
        for (hit, correct) in hits.iter_mut().zip(adherence.as_array()) {
            *hit += u64::from(correct);
        }
        clips += 1;
    }
    let mut out = io::stdout().lock();
    write!(out, "{{\"clips\": {clips}")?;
    for (name, hit) in Attributes::NAMES.iter().zip(hits) {
        write!(out, ", \"{name}\": {:.4}", hit as f64 / clips.max(1) as f64)?;
    }
    let mean = hits.iter().sum::<u64>() as f64 / (5 * clips.max(1)) as f64;
    writeln!(out, ", \"mean\": {mean:.4}}}")
}

fn read_record(input: &mut impl Read) -> io::Result<Option<(Attributes, FramesU8)>> {
    let mut record = Vec::with_capacity(5 + FRAMES_LEN);
    input.take((5 + FRAMES_LEN) as u64).read_to_end(&mut record)?;
    if record.is_empty() {
        return Ok(None);
    }
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let Some((head, data)) = record.split_first_chunk::<5>() else {
        return Err(bad("record ends inside its attributes".to_owned()));
    };
    let attributes = Attributes::from_indices(head.map(usize::from))
        .ok_or_else(|| bad(format!("attribute indices out of range: {head:?}")))?;
    let frames = FramesU8::new(FRAME_COUNT, FRAME_SIZE, FRAME_SIZE, data.to_vec())
        .map_err(|error| bad(error.to_string()))?;
    Ok(Some((attributes, frames)))
}
