//! Nets with random weights against what PyTorch computed with the same (`nets/goldens`, made by `nets/export`).

use std::path::{Path, PathBuf};

use serde_json::Value;
use vidbench_nn::nets::{Net, NetError, Skeleton, WeightsFile, random_uniform, random_weights};
use vidbench_nn::{Runtime, SessionOptions, Tensor};

/// Largest difference to PyTorch, of the largest magnitude among the values that the golden holds.
const TOLERANCE: f32 = 1e-4;

fn random_file(net: &str, folder: &Path) -> (Skeleton, WeightsFile) {
    let skeleton = Skeleton::of(net).unwrap();
    let path = folder.join("weights.safetensors");
    let file = WeightsFile::create(&path, &skeleton, |spec| Ok(random_weights(spec, 1))).unwrap();
    (skeleton, file)
}

/// The runtimes of this machine; ONNX Runtime only where its library is found.
fn runtimes() -> Vec<Runtime> {
    let ort = vidbench_nn::onnx_runtime_version().is_ok().then_some(Runtime::OnnxRuntime);
    [Some(Runtime::Tract), ort].into_iter().flatten().collect()
}

fn shape(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|extent| extent.as_u64().unwrap() as usize).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

/// An input of a golden, by the rules of `nets/export/net.py`.
fn input(spec: &Value, seed: u64) -> (String, Tensor) {
    let (name, shape) = (spec["name"].as_str().unwrap(), shape(&spec["shape"]));
    let (count, row) = (shape.iter().product(), *shape.last().unwrap());
    let uniform = random_uniform(&format!("input:{name}"), count, seed);
    let number = |key: &str| spec[key].as_f64().unwrap();
    let mut values: Vec<f64> = match spec["rule"].as_str().unwrap() {
        "low + (high - low) * u" => {
            let (low, high) = (number("low"), number("high"));
            uniform.map(|u| low + (high - low) * u).collect()
        }
        "floor(u * count)" => uniform.map(|u| (u * number("count")).floor()).collect(),
        "1 + floor(u * 49000), the last of each row 49407" => {
            uniform.map(|u| 1.0 + (u * 49000.0).floor()).collect()
        }
        "1, the last `zeros` of each row 0" => vec![1.0; count],
        other => panic!("unknown rule {other}"),
    };
    let zeros = spec["zeros"].as_u64().unwrap_or(0) as usize;
    for row in values.chunks_mut(row) {
        let ones = row.len() - zeros;
        row[ones..].fill(0.0);
        if spec["rule"].as_str().unwrap().ends_with("49407") {
            *row.last_mut().unwrap() = 49407.0;
        }
    }
    let tensor = match spec["dtype"].as_str().unwrap() {
        "f32" => Tensor::f32(shape, values.iter().map(|value| *value as f32).collect()),
        "i64" => Tensor::i64(shape, values.iter().map(|value| *value as i64).collect()),
        other => panic!("golden of type {other}"),
    };
    (name.to_owned(), tensor.unwrap())
}

fn check(net: &str) {
    let goldens =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nets/goldens").join(format!("{net}.json"));
    let golden: Value = serde_json::from_slice(&std::fs::read(goldens).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let seed = golden["seed"].as_u64().unwrap();
    for runtime in runtimes() {
        let (skeleton, weights) = random_file(net, folder.path());
        let loaded = Net::load(skeleton, weights, &SessionOptions { threads: 2, runtime }).unwrap();
        for case in golden["cases"].as_array().unwrap() {
            let inputs: Vec<(String, Tensor)> =
                case["inputs"].as_array().unwrap().iter().map(|spec| input(spec, seed)).collect();
            let named: Vec<(&str, Tensor)> =
                inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
            let outputs = loaded.run(&named).unwrap();
            for (output, wanted) in outputs.iter().zip(case["outputs"].as_array().unwrap()) {
                assert_eq!(output.shape(), shape(&wanted["shape"]), "{net} on {runtime:?}");
                check_values(net, runtime, output.as_f32().unwrap(), wanted);
            }
        }
    }
}

fn check_values(net: &str, runtime: Runtime, found: &[f32], wanted: &Value) {
    let (first, spread) = (floats(&wanted["first"]), floats(&wanted["spread"]));
    let place = |at: usize| at * (found.len() - 1) / (spread.len() - 1).max(1);
    let pairs = first.iter().copied().enumerate().map(|(at, wanted)| (found[at], wanted));
    let pairs: Vec<(f32, f32)> =
        pairs.chain(spread.iter().enumerate().map(|(at, wanted)| (found[place(at)], *wanted))).collect();
    let largest = pairs.iter().map(|(_, wanted)| wanted.abs()).fold(0.0, f32::max);
    let apart = pairs.iter().map(|(found, wanted)| (found - wanted).abs()).fold(0.0, f32::max);
    assert!(apart <= TOLERANCE * largest, "{net} on {runtime:?}: {apart} of {largest}");
    let mean = found.iter().map(|value| f64::from(value.abs())).sum::<f64>() / found.len() as f64;
    let wanted_mean = wanted["mean_abs"].as_f64().unwrap();
    assert!((mean - wanted_mean).abs() <= f64::from(TOLERANCE) * wanted_mean, "{net}: mean {mean}");
}

macro_rules! goldens {
    ($($test:ident $net:literal $(#[$attribute:meta])?),* $(,)?) => {
        $(#[test] $(#[$attribute])? fn $test() { check($net); })*
    };
}

goldens![
    aesthetic_head_is_what_pytorch_computes "aesthetic-head",
    amt_s_is_what_pytorch_computes "amt-s",
    lpips_alex_is_what_pytorch_computes "lpips-alex",
    lpips_squeeze_is_what_pytorch_computes "lpips-squeeze",
    musiq_is_what_pytorch_computes "musiq-spaq",
    slow_c3d_is_what_pytorch_computes "c3d-ucf101" #[ignore = "takes a minute"],
    slow_clip_b32_text_is_what_pytorch_computes "clip-vit-b32-text" #[ignore = "takes a minute"],
    slow_clip_b32_vision_is_what_pytorch_computes "clip-vit-b32-vision" #[ignore = "takes a minute"],
    slow_clip_l14_vision_is_what_pytorch_computes "clip-vit-l14-vision" #[ignore = "takes a minute"],
    slow_dino_is_what_pytorch_computes "dino-vitb16" #[ignore = "takes a minute"],
    slow_i3d_is_what_pytorch_computes "i3d-400" #[ignore = "takes a minute"],
    slow_inception_is_what_pytorch_computes "inception-fid" #[ignore = "takes a minute"],
    slow_lpips_vgg_is_what_pytorch_computes "lpips-vgg" #[ignore = "takes a minute"],
    slow_raft_is_what_pytorch_computes "raft" #[ignore = "takes a minute"],
    slow_viclip_text_is_what_pytorch_computes "viclip-l-text" #[ignore = "takes a minute"],
];

#[test]
fn every_net_that_ships_has_a_golden() {
    let goldens = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../nets/goldens");
    for net in Skeleton::names() {
        assert!(goldens.join(format!("{net}.json")).is_file(), "{net}");
    }
}

#[test]
fn weights_of_another_net_are_refused_by_the_first_tensor_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let (_, file) = random_file("lpips-alex", folder.path());
    let squeeze = Skeleton::of("lpips-squeeze").unwrap();
    let error = WeightsFile::open(file.path(), &squeeze).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "\"features.0.weight\" is F32 [64, 3, 11, 11] at 0..92928, F32 [64, 3, 3, 3] is wanted"
        ),
        "{error}"
    );
}

#[test]
fn an_input_that_the_net_does_not_take_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for runtime in runtimes() {
        let (skeleton, file) = random_file("aesthetic-head", folder.path());
        let net = Net::load(skeleton, file, &SessionOptions { threads: 1, runtime }).unwrap();
        let wrong = net.run(&[("picture", Tensor::f32([1, 768], vec![0.0; 768]).unwrap())]);
        let Err(NetError::Runtime(error)) = wrong else { panic!("{wrong:?}") };
        assert_eq!(error.to_string(), "graph has no input \"picture\"; it has embedding");
    }
}
