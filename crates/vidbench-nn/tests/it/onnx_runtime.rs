//! Tests that need ONNX Runtime. Its library is not part of this repository: `make test-onnxruntime` installs it and
//! runs these.

use std::fs;

use vidbench_core::NetDevice;
use vidbench_nn::nets::{Golden, Net};
use vidbench_nn::{DType, InputSpec, NnError, Runtime, Session, SessionOptions, Tensor};

use crate::graphs::{difference_and_copy, two_layers};
use crate::nets::{check, names_its_inputs, random_file};
use crate::runtimes::layers_output;
use crate::session::refuses_what_does_not_fit;

const ORT: Runtime = Runtime::OnnxRuntime;

#[test]
#[ignore = "needs ONNX Runtime"]
fn ort_gives_what_tract_gives() {
    let (ours, theirs) = (layers_output(Runtime::Tract, 1), layers_output(ORT, 1));
    let largest = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let worst = ours.iter().zip(&theirs).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(worst <= 1e-4 * largest, "{worst} of {largest}");
}

#[test]
#[ignore = "needs ONNX Runtime"]
fn ort_is_taken_where_it_is_found_and_says_its_version() {
    let specs = [InputSpec::new("x", DType::F32, [256, 192])];
    let session = Session::load(&two_layers(), &specs, &SessionOptions::on_cpu(1, Runtime::Auto)).unwrap();
    assert!(session.runtime_name().starts_with("onnxruntime 1."), "{}", session.runtime_name());
}

/// The installed library is built for processors only.
#[test]
#[ignore = "needs ONNX Runtime"]
fn ort_that_was_not_built_for_a_device_is_not_taken_for_it() {
    let specs = [InputSpec::new("x", DType::F32, [256, 192])];
    for runtime in [ORT, Runtime::Auto] {
        let options = SessionOptions { runtime, device: NetDevice::Cuda(0), ..SessionOptions::default() };
        let error = Session::load(&two_layers(), &specs, &options).unwrap_err();
        assert!(error.to_string().starts_with("cuda:0 is not available: "), "{error}");
        assert!(error.hint().unwrap().contains("onnxruntime-gpu"), "{error}");
    }
}

#[test]
#[ignore = "needs ONNX Runtime"]
fn ort_checks_what_tract_checks() {
    let options = SessionOptions::on_cpu(1, ORT);
    let mut specs = [
        InputSpec::new("c", DType::I64, [3]),
        InputSpec::new("b", DType::F32, [1, 2]),
        InputSpec::new("a", DType::F32, [1, 2]),
    ];
    let session = Session::load(&difference_and_copy(), &specs, &options).unwrap();
    let tensors = [
        Tensor::i64([3], vec![7, -8, 9]).unwrap(),
        Tensor::f32([1, 2], vec![1.0, 10.0]).unwrap(),
        Tensor::f32([1, 2], vec![5.0, 5.0]).unwrap(),
    ];
    let outputs = session.run(&tensors).unwrap();
    assert_eq!(outputs[0], Tensor::f32([1, 2], vec![4.0, -5.0]).unwrap());
    assert_eq!(outputs[1], tensors[0]);
    assert!(session.run(&tensors[..2]).is_err());
    specs[2].dtype = DType::I64;
    let error = Session::load(&difference_and_copy(), &specs, &options).unwrap_err();
    assert!(matches!(error, NnError::Load { .. }), "{error}");
    assert!(Session::load(b"not a graph", &specs, &options).is_err());
    refuses_what_does_not_fit(&options);
    names_its_inputs(ORT);
}

#[test]
#[ignore = "needs ONNX Runtime"]
fn ort_takes_the_weights_themselves_where_prepared_files_are_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (skeleton, weights) = random_file("lpips-squeeze", folder.path());
    let (golden, options) = (Golden::of("lpips-squeeze").unwrap(), SessionOptions::on_cpu(1, ORT));
    let outputs = || {
        let net = Net::load(skeleton.clone(), weights.clone(), &options).unwrap();
        golden.outputs(&net, 0).unwrap()
    };
    let sound = outputs();
    Net::prepare(&skeleton, &weights, &options).unwrap();
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let prepared: Vec<_> = names.filter(|path| path.is_dir()).collect();
    let [prepared] = &prepared[..] else { panic!("{prepared:?}") };
    for (name, keep) in [("weights.bin", 1000), ("weights.bin", 0), ("graph.onnx", 1000), ("graph.onnx", 0)] {
        let path = prepared.join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..keep]).unwrap();
        assert_eq!(outputs(), sound, "{keep} bytes of {name}");
        fs::remove_file(&path).unwrap();
        assert_eq!(outputs(), sound, "no {name}");
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(outputs(), sound);
}

macro_rules! goldens {
    ($($test:ident $net:literal),* $(,)?) => {
        $(#[test] #[ignore = "needs ONNX Runtime"] fn $test() { check($net, ORT); })*
    };
}

goldens![
    ort_runs_aesthetic_head_as_pytorch "aesthetic-head",
    ort_runs_amt_s_as_pytorch "amt-s",
    ort_runs_c3d_as_pytorch "c3d-ucf101",
    ort_runs_clip_b32_text_as_pytorch "clip-vit-b32-text",
    ort_runs_clip_b32_vision_as_pytorch "clip-vit-b32-vision",
    ort_runs_dino_as_pytorch "dino-vitb16",
    ort_runs_i3d_as_pytorch "i3d-400",
    ort_runs_i3d_of_styleganv_as_pytorch "i3d-styleganv",
    ort_runs_inception_as_pytorch "inception-fid",
    ort_runs_lpips_alex_as_pytorch "lpips-alex",
    ort_runs_lpips_squeeze_as_pytorch "lpips-squeeze",
    ort_runs_lpips_vgg_as_pytorch "lpips-vgg",
    ort_runs_musiq_as_pytorch "musiq-spaq",
    ort_runs_raft_as_pytorch "raft",
    slow_ort_runs_clip_l14_vision_as_pytorch "clip-vit-l14-vision",
    slow_ort_runs_umt_as_pytorch "umt-l16",
    slow_ort_runs_videomae_as_pytorch "videomae-g",
    slow_ort_runs_viclip_text_as_pytorch "viclip-l-text",
    slow_ort_runs_viclip_vision_as_pytorch "viclip-l-vision",
];
