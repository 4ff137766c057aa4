//! Checkpoints in every form that PyTorch writes (`fixtures/make_checkpoints.py`), sound, hostile and damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vidbench_nn::checkpoint::{Checkpoint, CheckpointErrorKind, Form};
use vidbench_nn::nets::random_uniform;

const CANARY: &str = "vidbench-canary-was-executed";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints").join(name)
}

fn quarters(count: u8) -> Vec<f32> {
    (0..count).map(|number| f32::from(number) / 4.0).collect()
}

#[test]
fn what_torch_save_writes_is_read_in_both_of_its_forms() {
    for name in ["zip.pth", "legacy.pth"] {
        let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
        assert_eq!(checkpoint.form(), Form::PyTorch, "{name}");
        let read = |tensor: &str| checkpoint.read_f32(&format!("model.{tensor}")).unwrap();
        assert_eq!(read("layer.weight"), quarters(6), "{name}");
        assert_eq!(checkpoint.tensor("model.layer.weight").unwrap().shape, [2, 3]);
        assert_eq!(read("layer.half"), [1.5, -2.0], "{name}");
        assert_eq!(read("layer.bfloat"), [1.5, -2.0], "{name}");
        assert_eq!(read("layer.double"), [0.25], "{name}");
        assert_eq!(read("transposed"), [0.0, 0.75, 0.25, 1.0, 0.5, 1.25], "{name}");
        assert_eq!(read("slice"), [0.75, 1.0, 1.25], "{name}");
        let error = checkpoint.read_f32("model.count").unwrap_err();
        assert!(error.to_string().ends_with("\"model.count\" holds I64; weights are floats"), "{error}");
        let error = checkpoint.read_f32("layer.weight").unwrap_err();
        assert!(error.to_string().ends_with("it has no tensor \"layer.weight\""), "{error}");
    }
}

#[test]
fn arrays_of_chainer_have_the_names_of_their_layers() {
    for name in ["chainer.npz", "chainer_deflated.npz"] {
        let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
        assert_eq!(checkpoint.form(), Form::Npz, "{name}");
        let names: Vec<&str> = checkpoint.tensors().map(|(name, _)| name).collect();
        assert_eq!(names, ["conv1a.bias", "conv1a.weight", "count", "mean", "turned"], "{name}");
        assert_eq!(checkpoint.read_f32("conv1a.weight").unwrap(), quarters(6), "{name}");
        assert_eq!(checkpoint.tensor("conv1a.weight").unwrap().shape, [2, 3], "{name}");
        assert_eq!(checkpoint.read_f32("mean").unwrap(), [0.25, 0.5], "{name}");
        let error = checkpoint.read_f32("count").unwrap_err().to_string();
        assert!(error.ends_with("\"count\" holds <i8; weights are floats"), "{error}");
        assert_eq!(checkpoint.read_f32("conv1a.bias").unwrap(), [-0.5], "{name}");
        assert!(checkpoint.read_f32("turned").unwrap_err().to_string().contains("Fortran"), "{name}");
    }
}

#[test]
fn torchscript_archives_have_the_names_of_their_modules() {
    for (name, element) in
        [("scripted.pt", "F32"), ("traced.pt", "F32"), ("scripted_in_half_floats.pt", "F16")]
    {
        let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
        assert_eq!(checkpoint.form(), Form::TorchScript, "{name}");
        let names: Vec<&str> = checkpoint.tensors().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["blocks.0.linear.bias", "blocks.0.linear.weight", "blocks.0.steps", "proj"],
            "{name}"
        );
        assert_eq!(checkpoint.read_f32("blocks.0.linear.weight").unwrap(), quarters(6), "{name}");
        assert_eq!(checkpoint.read_f32("blocks.0.linear.bias").unwrap(), [0.0, -0.25, -0.5], "{name}");
        // A view: three rows of two, kept as two rows of three.
        assert_eq!(checkpoint.read_f32("proj").unwrap(), [0.0, 0.75, 0.25, 1.0, 0.5, 1.25], "{name}");
        let proj = checkpoint.tensor("proj").unwrap();
        assert_eq!((&proj.shape[..], proj.element.to_string().as_str()), (&[3, 2][..], element), "{name}");
        assert!(checkpoint.read_f32("blocks.0.steps").is_err(), "{name}");
    }
}

#[test]
fn a_frozen_archive_has_lost_its_names_and_says_so() {
    let error = Checkpoint::open(&fixture("frozen.pt")).unwrap_err();
    assert!(error.to_string().ends_with("it is a TorchScript archive without named tensors"), "{error}");
    assert!(error.hint().unwrap().contains("frozen"));
}

#[test]
fn hostile_pickles_execute_nothing() {
    for name in ["evil_zip.pth", "evil_legacy.pth"] {
        // The reader treats the call as data; the tensor beside it is read.
        let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
        assert_eq!(checkpoint.read_f32("weight").unwrap(), quarters(2), "{name}");
        assert_eq!(checkpoint.tensors().count(), 1, "{name}");
    }
    let error = Checkpoint::open(&fixture("evil_torchscript.pt")).unwrap_err();
    assert!(
        matches!(&error.kind, CheckpointErrorKind::Refused { name } if name.ends_with(".system")),
        "{error}"
    );
    assert!(error.to_string().contains("nothing was executed"), "{error}");
    assert!(!Path::new(CANARY).exists());
    // The files do contain the harmful call and its argument.
    for name in ["evil_zip.pth", "evil_legacy.pth", "evil_torchscript.pt"] {
        let bytes = fs::read(fixture(name)).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has("system") && has(CANARY), "{name}");
    }
}

#[test]
fn a_file_is_known_by_its_bytes_and_not_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    let header = br#"{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let file = [&(header.len() as u64).to_le_bytes()[..], header, &[0, 0, 128, 63], &[0, 0, 0, 64]].concat();
    fs::write(&path, &file).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!((checkpoint.form(), checkpoint.read_f32("b").unwrap()), (Form::Safetensors, vec![1.0, 2.0]));
    fs::write(&path, &file[..file.len() - 1]).unwrap();
    let error = Checkpoint::open(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("it is a safetensors file and damaged: it has 69 bytes, but its header states 70"),
        "{error}"
    );
    for other in ["<html>", "", "PK", "\x7fELF"] {
        fs::write(&path, other).unwrap();
        let error = Checkpoint::open(&path).unwrap_err();
        assert!(matches!(error.kind, CheckpointErrorKind::UnknownForm), "{other:?}: {error}");
    }
    let error = Checkpoint::open(&folder.path().join("absent")).unwrap_err();
    assert!(error.to_string().contains("it cannot be read: No such file"), "{error}");
}

const SEED: u64 = 20_260_131;
/// Bytes that are likely to cause trouble: opcodes, brackets, ends of ranges.
const BYTES: &[u8] = b"\x00\xff\x7f\x80.()]}NRbtuQqhcXK\x81\x85{\"[:,P\x01\x02";

fn duration() -> Duration {
    let secs = std::env::var("VIDBENCH_FUZZ_SECS").ok().map_or(5.0, |secs| secs.parse().unwrap());
    Duration::from_secs_f64(secs)
}

struct Mutations<I> {
    random: I,
}

impl<I: Iterator<Item = f64>> Mutations<I> {
    fn below(&mut self, n: usize) -> usize {
        (self.random.next().unwrap() * n as f64) as usize
    }

    fn of(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len().max(1));
            let value =
                if self.below(2) == 0 { BYTES[self.below(BYTES.len())] } else { self.below(256) as u8 };
            match self.below(6) {
                0 => bytes.insert(at.min(bytes.len()), value),
                1 if self.below(8) == 0 => bytes.truncate(at),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                3 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    let piece = other[from..(from + self.below(40)).min(other.len())].to_vec();
                    bytes.splice(at..(at + piece.len()).min(bytes.len()), piece);
                }
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = value),
            }
        }
        bytes
    }
}

/// No panic and no hang; what is accepted has as many values as its shape says, and never more than the file has bytes.
#[test]
fn fuzz_checkpoint() {
    let names = [
        "zip.pth",
        "legacy.pth",
        "scripted.pt",
        "traced.pt",
        "scripted_in_half_floats.pt",
        "evil_legacy.pth",
    ];
    let mut seeds: Vec<Vec<u8>> = names.iter().map(|name| fs::read(fixture(name)).unwrap()).collect();
    let header = br#"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]}}"#;
    seeds.push([&(header.len() as u64).to_le_bytes()[..], header, &[7; 12]].concat());
    let mut mutations = Mutations { random: random_uniform("fuzz", usize::MAX, SEED) };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let (start, mut accepted, mut tried) = (Instant::now(), 0_u64, 0_u64);
    while start.elapsed() < duration() {
        let bytes = mutations.of(&seeds);
        fs::write(&path, &bytes).unwrap();
        tried += 1;
        let Ok(checkpoint) = Checkpoint::open(&path) else { continue };
        for (name, info) in checkpoint.tensors() {
            if let Ok(values) = checkpoint.read_f32(name) {
                assert_eq!(values.len(), info.shape.iter().product::<usize>());
                assert!(values.len() <= bytes.len());
                accepted += 1;
            }
        }
    }
    assert!(accepted > 0 || tried < 1000, "{accepted} of {tried}");
    assert!(!Path::new(CANARY).exists());
}
