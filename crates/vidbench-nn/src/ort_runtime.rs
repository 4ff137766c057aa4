//! ONNX Runtime, loaded from a shared library while the program runs.
//!
//! The library is searched for once: the file that `ORT_DYLIB_PATH` names, else `libonnxruntime.so` beside the program
//! or where the system's loader looks. No part of `ort` is called before the library has loaded, because `ort` itself
//! panics when it calls a library that is not there.

use std::env;
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::ep::{self, ExecutionProviderDispatch};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Outlet, TensorElementType, TensorRef, ValueType};

use vidbench_core::NetDevice;

use crate::error::NnError;
use crate::ort_memory::share_arena;
use crate::session::{Declared, InputSpec, SessionOptions, check_fits, feed_order, match_inputs};
use crate::tensor::{DType, Data, Tensor};

const NAME: &str = "onnxruntime";

struct Library {
    environment: Environment,
    /// Whether its sessions can share one arena.
    shares_arena: bool,
    /// `onnxruntime` and what the library says about its build.
    name: String,
}

/// Name and version of the ONNX Runtime that [`Runtime::Auto`](crate::Runtime::Auto) takes.
///
/// # Errors
///
/// [`NnError::OnnxRuntimeMissing`] with the reason why there is none.
pub fn onnx_runtime_version() -> Result<&'static str, NnError> {
    library().map(|library| library.name.as_str())
}

fn library() -> Result<&'static Library, NnError> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    let found = LIBRARY.get_or_init(|| open(&library_path()));
    found.as_ref().map_err(|reason| NnError::OnnxRuntimeMissing { reason: reason.clone() })
}

fn library_path() -> PathBuf {
    match env::var_os("ORT_DYLIB_PATH") {
        Some(path) if !path.is_empty() => path.into(),
        _ => format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX).into(),
    }
}

fn open(path: &Path) -> Result<Library, String> {
    let builder = ort::init_from(path).map_err(|error| why_not_loaded(&error))?;
    let environment = builder.with_telemetry(false).build().map_err(|error| error.to_string())?;
    let mapped_files = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let shares_arena = share_arena(&environment).is_ok();
    Ok(Library { environment, shares_arena, name: name_and_version(&mapped_files, ort::info()) })
}

/// `ort` reports "dlopen failed" and keeps the loader's own message one level down.
fn why_not_loaded(error: &LoadDynamicError) -> String {
    match error {
        LoadDynamicError::Dlopen { error: cause, .. } => match cause.source() {
            Some(words) => format!("{error}: {words}"),
            None => error.to_string(),
        },
        LoadDynamicError::BadVersion { version_str, path } => {
            let (path, oldest) = (path.display(), ort::MINOR_VERSION);
            format!("{path} is ONNX Runtime {version_str}; 1.{oldest} or later is required")
        }
        other => other.to_string(),
    }
}

/// `onnxruntime 1.22.0`, or `onnxruntime commit 26250ae` where only the library's build information is available.
///
/// The safe part of the library's interface gives no version. But the name of the library's file contains one, and the
/// list of this process's mapped files (proc(5)) contains that file, however it was found.
fn name_and_version(mapped_files: &str, build_info: &str) -> String {
    let file_version = mapped_files.lines().find_map(version_in_file_name);
    let branch = build_info_field(build_info, "git-branch=").and_then(|branch| branch.strip_prefix("rel-"));
    let commit = build_info_field(build_info, "git-commit-id=");
    match (file_version.or(branch), commit) {
        (Some(version), _) => format!("{NAME} {version}"),
        (None, Some(commit)) => format!("{NAME} commit {commit}"),
        (None, None) => NAME.to_owned(),
    }
}

/// The version in a line that ends with `/libonnxruntime.so.1.22.0`.
fn version_in_file_name(line: &str) -> Option<&str> {
    let (_, version) = line.rsplit_once("/libonnxruntime.so.")?;
    let dotted = version.split('.').all(|part| part.parse::<u32>().is_ok());
    (dotted && version.contains('.')).then_some(version)
}

/// A field of "ORT Build Info: git-branch=rel-1.22.0, git-commit-id=26250ae, build type=Release, ...".
fn build_info_field<'a>(info: &'a str, key: &str) -> Option<&'a str> {
    info.split(", ").find_map(|part| part.split_once(key)).map(|(_, value)| value)
}

pub(crate) struct OrtSession {
    /// Running needs exclusive access: parts of the runtime are not safe for concurrent calls.
    session: Mutex<Session>,
    name: &'static str,
    /// For each graph input, which of the caller's tensors feeds it.
    order: Vec<usize>,
}

impl OrtSession {
    pub(crate) fn load(graph: &[u8], specs: &[InputSpec], options: &SessionOptions) -> Result<Self, NnError> {
        let library = library()?;
        let session = builder(library, options)?.commit_from_memory(graph).map_err(load_error)?;
        let names: Vec<String> = session.inputs().iter().map(|input| input.name().to_owned()).collect();
        let positions = match_inputs(&names, specs)?;
        for (spec, position) in specs.iter().zip(&positions) {
            let input = session.inputs().get(*position);
            input.map_or(Ok(()), |input| check_fits(NAME, spec, &declared(input)))?;
        }
        Ok(Self { session: Mutex::new(session), name: &library.name, order: feed_order(&positions) })
    }

    /// Opens a graph in a file. Its open axes stay open, and its inputs are given by name.
    pub(crate) fn open(graph: &Path, options: &SessionOptions) -> Result<Self, NnError> {
        Self::with_open_axes(options, |mut builder| builder.commit_from_file(graph))
    }

    /// The same for a graph that has its weights inside.
    pub(crate) fn of_bytes(graph: &[u8], options: &SessionOptions) -> Result<Self, NnError> {
        Self::with_open_axes(options, |mut builder| builder.commit_from_memory(graph))
    }

    /// The same for a graph that [`Self::save_prepared`] wrote on a processor like this one.
    pub(crate) fn open_prepared(graph: &Path, options: &SessionOptions) -> Result<Self, NnError> {
        Self::with_open_axes(options, |builder| {
            builder.with_optimization_level(GraphOptimizationLevel::Disable)?.commit_from_file(graph)
        })
    }

    /// Writes a graph as a session has it after loading: fused, and with its weights in the order in which this
    /// processor's kernels read them. The weights go into a file named `weights` beside the graph, which sessions map.
    pub(crate) fn save_prepared(
        graph: &Path,
        prepared: &Path,
        weights: &str,
        options: &SessionOptions,
    ) -> Result<(), NnError> {
        // Keys of onnxruntime_session_options_config_keys.h; a version that does not know a key ignores it.
        let save = |builder: SessionBuilder| -> Result<Session, ort::Error> {
            builder
                .with_optimized_model_path(prepared)?
                .with_config_entry("session.optimized_model_external_initializers_file_name", weights)?
                .with_config_entry("session.save_external_prepacked_constant_initializers", "1")?
                .commit_from_file(graph)
        };
        Self::with_open_axes(options, save).map(drop)
    }

    fn with_open_axes(
        options: &SessionOptions,
        commit: impl FnOnce(SessionBuilder) -> Result<Session, ort::Error>,
    ) -> Result<Self, NnError> {
        let library = library()?;
        let session = commit(builder(library, options)?).map_err(load_error)?;
        Ok(Self { session: Mutex::new(session), name: &library.name, order: Vec::new() })
    }

    /// Runs a graph whose axes are open.
    pub(crate) fn run_named(&self, inputs: &[(&str, Tensor)]) -> Result<Vec<Tensor>, NnError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<String> = session.inputs().iter().map(|input| input.name().to_owned()).collect();
        let spec = |(name, tensor): &(&str, Tensor)| InputSpec::new(*name, tensor.dtype(), tensor.shape());
        let specs: Vec<InputSpec> = inputs.iter().map(spec).collect();
        let positions = match_inputs(&names, &specs)?;
        for (spec, position) in specs.iter().zip(&positions) {
            let input = session.inputs().get(*position);
            input.map_or(Ok(()), |input| check_fits(NAME, spec, &declared(input)))?;
        }
        let ordered = feed_order(&positions).into_iter().filter_map(|index| inputs.get(index));
        let values =
            ordered.map(|(_, tensor)| value(tensor).map_err(run_error)).collect::<Result<Vec<_>, _>>()?;
        let outputs = session.run(values.as_slice()).map_err(run_error)?;
        outputs.values().enumerate().map(|(index, output)| plain(index, &output)).collect()
    }

    pub(crate) fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, NnError> {
        let values = self
            .order
            .iter()
            .filter_map(|index| inputs.get(*index))
            .map(|tensor| value(tensor).map_err(run_error))
            .collect::<Result<Vec<_>, _>>()?;
        // The session is only read here, so a panic while running cannot leave our side half written.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(values.as_slice()).map_err(run_error)?;
        outputs.values().enumerate().map(|(index, output)| plain(index, &output)).collect()
    }

    pub(crate) fn name(&self) -> &str {
        self.name
    }
}

impl fmt::Debug for OrtSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrtSession").field("name", &self.name).finish_non_exhaustive()
    }
}

fn builder(library: &Library, options: &SessionOptions) -> Result<SessionBuilder, NnError> {
    let plain = || -> Result<SessionBuilder, ort::Error> {
        let builder = Session::builder(&library.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(options.threads)?
            .with_inter_threads(1)?;
        Ok(if library.shares_arena { builder.with_env_allocators()? } else { builder })
    };
    let builder = plain().map_err(load_error)?;
    builder
        .with_execution_providers(providers(options.device))
        .map_err(|error| NnError::Device { device: options.device, reason: error.to_string() })
}

/// The execution providers in order of preference; ONNX Runtime adds the processor itself. A provider that is missing
/// is an error: otherwise the processor would be measured under the name of a device.
///
/// Numbers must be the same on every device of a kind, so TensorFloat-32 is off and cuDNN's algorithms are not picked
/// by timing them.
fn providers(device: NetDevice) -> Vec<ExecutionProviderDispatch> {
    let cuda = |number: u32| {
        let provider = ep::CUDA::default().with_device_id(number.cast_signed()).with_tf32(false);
        let search = ep::cuda::ConvAlgorithmSearch::Heuristic;
        provider.with_conv_algorithm_search(search).build().error_on_failure()
    };
    match device {
        NetDevice::Cpu => Vec::new(),
        NetDevice::Cuda(number) => vec![cuda(number)],
        NetDevice::TensorRt(number) => {
            let provider = ep::TensorRT::default().with_device_id(number.cast_signed()).with_fp16(false);
            vec![provider.build().error_on_failure(), cuda(number)]
        }
    }
}

fn declared(input: &Outlet) -> Declared {
    let text = input.dtype().to_string();
    let ValueType::Tensor { ty, shape, .. } = input.dtype() else {
        return Declared { dtype: None, shape: None, text };
    };
    let dtype = match ty {
        TensorElementType::Float32 => Some(DType::F32),
        TensorElementType::Int64 => Some(DType::I64),
        _ => None,
    };
    // An open axis is -1.
    let shape = shape.iter().map(|extent| usize::try_from(*extent).ok()).collect();
    Declared { dtype, shape: Some(shape), text }
}

/// Borrows the data: the runtime reads it in place.
fn value(tensor: &Tensor) -> Result<SessionInputValue<'_>, ort::Error> {
    Ok(match tensor.data() {
        Data::F32(data) => TensorRef::from_array_view((tensor.shape(), data.as_slice()))?.into(),
        Data::I64(data) => TensorRef::from_array_view((tensor.shape(), data.as_slice()))?.into(),
    })
}

fn plain(index: usize, output: &DynValue) -> Result<Tensor, NnError> {
    let extents = |shape: &[i64]| shape.iter().map(|n| usize::try_from(*n).unwrap_or(0)).collect::<Vec<_>>();
    if let Ok((shape, data)) = output.try_extract_tensor::<f32>() {
        return Tensor::f32(extents(shape), data.to_vec());
    }
    if let Ok((shape, data)) = output.try_extract_tensor::<i64>() {
        return Tensor::i64(extents(shape), data.to_vec());
    }
    Err(NnError::OutputType { index, found: output.dtype().to_string() })
}

fn load_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> NnError {
    NnError::Load { runtime: NAME, source: error.into() }
}

fn run_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> NnError {
    NnError::Run { runtime: NAME, source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::name_and_version;

    const BUILD: &str = "ORT Build Info: git-branch=HEAD, git-commit-id=fab30a4, build type=Release";

    #[test]
    fn the_version_comes_from_the_mapped_file_then_the_branch_then_the_commit() {
        let maps = "7f00-7f01 r--p 0 fe:00 12 /usr/lib/libc.so.6\n\
                    7f02-7f03 r-xp 0 fe:00 13 /opt/my libs/libonnxruntime.so.1.32.0\n";
        assert_eq!(name_and_version(maps, BUILD), "onnxruntime 1.32.0");
        assert_eq!(name_and_version("", &BUILD.replace("HEAD", "rel-1.19.0")), "onnxruntime 1.19.0");
        assert_eq!(name_and_version("", BUILD), "onnxruntime commit fab30a4");
        assert_eq!(name_and_version("", ""), "onnxruntime");
    }

    #[test]
    fn a_file_name_without_a_full_version_tells_nothing() {
        for name in [
            "libonnxruntime.so",
            "libonnxruntime.so.1",
            "libonnxruntime.so.1.x",
            "libonnxruntime.so.1. (deleted)",
        ] {
            assert_eq!(name_and_version(&format!("7f00 /lib/{name}"), BUILD), "onnxruntime commit fab30a4");
        }
    }
}
