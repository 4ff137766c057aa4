//! Nets with random weights against what PyTorch computed with the same (`nets/goldens`, made by `nets/export`).

use std::fs;
use std::path::Path;

use vidbench_nn::nets::{GOLDEN_TOLERANCE, Golden, Net, NetError, Skeleton, WeightsFile, random_weights};
use vidbench_nn::{Runtime, SessionOptions, Tensor};

pub(crate) fn random_file(net: &str, folder: &Path) -> (Skeleton, WeightsFile) {
    let skeleton = Skeleton::of(net).unwrap();
    let path = folder.join("weights.safetensors");
    let file = WeightsFile::create(&path, &skeleton, |spec| Ok(random_weights(spec, 1))).unwrap();
    (skeleton, file)
}

/// Checks a net in every case of its golden.
pub(crate) fn check(net: &str, runtime: Runtime) {
    let golden = Golden::of(net).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let skeleton = Skeleton::of(net).unwrap();
    let path = folder.path().join("weights.safetensors");
    let weights =
        WeightsFile::create(&path, &skeleton, |spec| Ok(random_weights(spec, golden.seed()))).unwrap();
    let options = SessionOptions::on_cpu(2, runtime);
    let loaded = Net::load(skeleton.clone(), weights.clone(), &options).unwrap();
    for case in 0..golden.cases() {
        let apart = golden.distance(&loaded, case).unwrap();
        assert!(apart <= GOLDEN_TOLERANCE, "{net} on {runtime:?}, case {case}: {apart:.1e}");
    }
    if runtime == Runtime::OnnxRuntime {
        let before: Vec<_> = (0..golden.cases()).map(|case| golden.outputs(&loaded, case).unwrap()).collect();
        drop(loaded);
        Net::prepare(&skeleton, &weights, &options).unwrap();
        assert_eq!(prepared_folders(folder.path()), 1, "{net}");
        let prepared = Net::load(skeleton, weights, &options).unwrap();
        for (case, before) in before.iter().enumerate() {
            assert_eq!(golden.outputs(&prepared, case).unwrap(), *before, "{net} prepared, case {case}");
        }
    }
}

pub(crate) fn prepared_folders(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("prepared-")).count()
}

macro_rules! goldens {
    ($($test:ident $net:literal $(#[$attribute:meta])?),* $(,)?) => {
        $(#[test] $(#[$attribute])? fn $test() { check($net, Runtime::Tract); })*
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
    slow_i3d_of_styleganv_is_what_pytorch_computes "i3d-styleganv" #[ignore = "takes a minute"],
    slow_inception_is_what_pytorch_computes "inception-fid" #[ignore = "takes a minute"],
    slow_lpips_vgg_is_what_pytorch_computes "lpips-vgg" #[ignore = "takes a minute"],
    slow_raft_is_what_pytorch_computes "raft" #[ignore = "takes a minute"],
    slow_umt_is_what_pytorch_computes "umt-l16" #[ignore = "takes minutes"],
    slow_viclip_vision_is_what_pytorch_computes "viclip-l-vision" #[ignore = "takes minutes"],
    slow_videomae_is_what_pytorch_computes "videomae-g" #[ignore = "takes minutes and 10 GB"],
    slow_viclip_text_is_what_pytorch_computes "viclip-l-text" #[ignore = "takes a minute"],
];

#[test]
fn weights_of_another_net_are_refused_by_the_first_tensor_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let (_, file) = random_file("lpips-alex", folder.path());
    let squeeze = Skeleton::of("lpips-squeeze").unwrap();
    let error = WeightsFile::open(file.path(), &squeeze).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "\"features.0.weight\" is F32 [64, 3, 11, 11] at 0..92928, expected F32 [64, 3, 3, 3]"
        ),
        "{error}"
    );
}

#[test]
fn an_input_that_the_net_does_not_take_is_named() {
    names_its_inputs(Runtime::Tract);
}

pub(crate) fn names_its_inputs(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let (skeleton, file) = random_file("aesthetic-head", folder.path());
    let net = Net::load(skeleton, file, &SessionOptions::on_cpu(1, runtime)).unwrap();
    let wrong = net.run(&[("picture", Tensor::f32([1, 768], vec![0.0; 768]).unwrap())]);
    let Err(NetError::Runtime(error)) = wrong else { panic!("{wrong:?}") };
    assert_eq!(error.to_string(), "graph has no input \"picture\"; it has embedding");
}
