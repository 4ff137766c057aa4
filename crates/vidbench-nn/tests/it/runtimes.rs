//! What must hold for every runtime and number of threads.

use std::path::Path;
use std::process::Command;

use vidbench_core::NetDevice;
use vidbench_nn::{
    DType, InputSpec, NnError, Runtime, Session, SessionOptions, Tensor, onnx_runtime_version,
};

use crate::graphs::two_layers;

pub(crate) fn layers_output(runtime: Runtime, threads: usize) -> Vec<f32> {
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

/// Each process searches for the library only once, so each case runs in a process of its own: the test starts itself
/// again.
fn again_with(library: &Path, name: &str, case: fn()) {
    const CHILD: &str = "VIDBENCH_NN_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return case();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("runtimes::{name}")])
        .env(CHILD, "1")
        .env("ORT_DYLIB_PATH", library)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_missing_onnx_runtime_is_an_error_when_asked_for_and_tract_otherwise() {
    let name = "a_missing_onnx_runtime_is_an_error_when_asked_for_and_tract_otherwise";
    again_with(Path::new("/nonexistent/libonnxruntime.so"), name, without_onnx_runtime);
}

/// The library is made by `examples/old_onnx_runtime.rs`.
#[test]
fn an_old_onnx_runtime_is_named_with_the_oldest_that_works() {
    let library = std::env::current_exe().unwrap();
    let library = library.parent().unwrap().with_file_name("examples").join("libold_onnx_runtime.so");
    again_with(&library, "an_old_onnx_runtime_is_named_with_the_oldest_that_works", with_an_old_one);
}

fn with_an_old_one() {
    let error = onnx_runtime_version().unwrap_err().to_string();
    assert!(error.contains("libold_onnx_runtime.so is ONNX Runtime 1.8.1; 1."), "{error}");
    assert!(error.ends_with(" or later is required"), "{error}");
    let specs = [InputSpec::new("x", DType::F32, [256, 192])];
    let session = Session::load(&two_layers(), &specs, &SessionOptions::on_cpu(1, Runtime::Auto)).unwrap();
    assert!(session.runtime_name().starts_with("tract "));
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
    for (runtime, reason) in
        [(Runtime::Auto, "/nonexistent"), (Runtime::Tract, "only computes on the processor")]
    {
        let options = SessionOptions { runtime, device: NetDevice::Cuda(1), ..SessionOptions::default() };
        let error = Session::load(&two_layers(), &specs, &options).unwrap_err();
        assert!(error.to_string().starts_with("cuda:1 is not available: "), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}
