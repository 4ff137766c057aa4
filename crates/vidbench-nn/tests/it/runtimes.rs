//! What holds between runtimes and numbers of threads.

use std::process::Command;

use vidbench_core::NetDevice;
use vidbench_nn::{
    DType, InputSpec, NnError, Runtime, Session, SessionOptions, Tensor, onnx_runtime_version,
};

use crate::graphs::{difference_and_copy, two_layers};

fn layers_output(runtime: Runtime, threads: usize) -> Vec<f32> {
    let specs = [InputSpec::new("x", DType::F32, [256, 192])];
    let session = Session::load(&two_layers(), &specs, &SessionOptions::on_cpu(threads, runtime)).unwrap();
    let x: Vec<f32> = (0_u32..256 * 192).map(|i| (i as f32 * 0.37).cos()).collect();
    let outputs = session.run(&[Tensor::f32([256, 192], x).unwrap()]).unwrap();
    outputs[0].as_f32().unwrap().to_vec()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn tract_gives_the_same_bits_for_any_number_of_threads() {
    let one = layers_output(Runtime::Tract, 1);
    for threads in [2, 3] {
        assert!(bits(&layers_output(Runtime::Tract, threads)) == bits(&one), "{threads} threads differ");
    }
}

#[test]
fn the_two_runtimes_agree() {
    if let Err(reason) = onnx_runtime_version() {
        eprintln!("skipped: {reason}");
        return;
    }
    let (ours, theirs) = (layers_output(Runtime::Tract, 1), layers_output(Runtime::OnnxRuntime, 1));
    let largest = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let worst = ours.iter().zip(&theirs).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(worst <= 1e-4 * largest, "{worst} of {largest}");
}

#[test]
fn onnx_runtime_checks_what_tract_checks() {
    if let Err(reason) = onnx_runtime_version() {
        eprintln!("skipped: {reason}");
        return;
    }
    let options = SessionOptions::on_cpu(1, Runtime::OnnxRuntime);
    let mut specs = [
        InputSpec::new("c", DType::I64, [3]),
        InputSpec::new("b", DType::F32, [1, 2]),
        InputSpec::new("a", DType::F32, [1, 2]),
    ];
    let session = Session::load(&difference_and_copy(), &specs, &options).unwrap();
    assert!(session.runtime_name().starts_with("onnxruntime "), "{}", session.runtime_name());
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
}

/// The library is looked for once in a process, so each case gets a process of its own: this test, run again.
#[test]
fn a_missing_onnx_runtime_is_an_error_when_asked_for_and_tract_otherwise() {
    const CHILD: &str = "VIDBENCH_NN_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return without_onnx_runtime();
    }
    let name = "runtimes::a_missing_onnx_runtime_is_an_error_when_asked_for_and_tract_otherwise";
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(CHILD, "1")
        .env("ORT_DYLIB_PATH", "/nonexistent/libonnxruntime.so")
        .status()
        .unwrap();
    assert!(status.success());
}

fn without_onnx_runtime() {
    let error = onnx_runtime_version().unwrap_err();
    assert!(error.to_string().contains("/nonexistent/libonnxruntime.so"), "{error}");
    assert!(error.to_string().contains("No such file"), "the loader's own words: {error}");
    assert!(error.hint().unwrap().contains("ORT_DYLIB_PATH"));
    let specs = [InputSpec::new("x", DType::F32, [256, 192])];
    let load = |runtime| {
        Session::load(&two_layers(), &specs, &SessionOptions { runtime, ..SessionOptions::default() })
    };
    assert!(matches!(load(Runtime::OnnxRuntime), Err(NnError::OnnxRuntimeMissing { .. })));
    assert!(load(Runtime::Auto).unwrap().runtime_name().starts_with("tract "));
    for (runtime, reason) in [(Runtime::Auto, "/nonexistent"), (Runtime::Tract, "on the processor alone")] {
        let options = SessionOptions { runtime, device: NetDevice::Cuda(1), ..SessionOptions::default() };
        let error = Session::load(&two_layers(), &specs, &options).unwrap_err();
        assert!(error.to_string().starts_with("cuda:1 is not available: "), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}
