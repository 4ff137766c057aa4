//! A loaded graph: choice of the runtime, and the checks that every runtime shares.

use vidbench_core::{NetDevice, sha256_hex};

use crate::error::NnError;
use crate::ort_runtime::{self, OrtSession};
use crate::tensor::{DType, Tensor, describe};
use crate::tract_runtime::TractSession;

/// Most threads that a session may have.
pub const MAX_THREADS: usize = 256;

/// Name, type and shape of one graph input. Every axis is fixed at load, so that the runtime can plan once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSpec {
    /// Name in the graph.
    pub name: String,
    /// Type of the elements.
    pub dtype: DType,
    /// Extent of each axis; fixes axes that the graph leaves open.
    pub shape: Vec<usize>,
}

impl InputSpec {
    /// An input with its type and shape.
    pub fn new(name: impl Into<String>, dtype: DType, shape: impl Into<Vec<usize>>) -> Self {
        Self { name: name.into(), dtype, shape: shape.into() }
    }

    fn describe(&self) -> String {
        describe(self.dtype, &self.shape)
    }
}

/// Which runtime runs a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Runtime {
    /// ONNX Runtime when its shared library is found and loads, else tract.
    #[default]
    Auto,
    /// The built-in runtime.
    Tract,
    /// ONNX Runtime; an error where it is missing.
    OnnxRuntime,
}

/// How a session computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// Threads inside one call, 1..=[`MAX_THREADS`]. tract gives the same bits for every number.
    pub threads: usize,
    /// The runtime.
    pub runtime: Runtime,
    /// What it computes on. Only ONNX Runtime knows another device than the processor.
    pub device: NetDevice,
}

impl SessionOptions {
    /// On the processor.
    pub const fn on_cpu(threads: usize, runtime: Runtime) -> Self {
        Self { threads, runtime, device: NetDevice::Cpu }
    }

    /// Refuses a number of threads out of bounds.
    ///
    /// # Errors
    ///
    /// [`NnError::Threads`].
    pub fn check(&self) -> Result<(), NnError> {
        if (1..=MAX_THREADS).contains(&self.threads) {
            return Ok(());
        }
        Err(NnError::Threads { found: self.threads })
    }

    /// Whether to use ONNX Runtime; decides where the options leave the runtime open.
    ///
    /// # Errors
    ///
    /// [`NnError::Device`]: a device that the runtime does not know.
    pub(crate) fn with_onnx_runtime(&self) -> Result<bool, NnError> {
        match (self.runtime, ort_runtime::onnx_runtime_version()) {
            (Runtime::OnnxRuntime, _) | (Runtime::Auto, Ok(_)) => Ok(true),
            (Runtime::Tract | Runtime::Auto, _) if self.device.is_cpu() => Ok(false),
            (Runtime::Tract, _) => {
                let reason = "the built-in runtime only computes on the processor".to_owned();
                Err(NnError::Device { device: self.device, reason })
            }
            (Runtime::Auto, Err(error)) => {
                Err(NnError::Device { device: self.device, reason: error.to_string() })
            }
        }
    }
}

impl Default for SessionOptions {
    /// One thread, [`Runtime::Auto`], the processor.
    fn default() -> Self {
        Self::on_cpu(1, Runtime::Auto)
    }
}

/// A graph that has been optimised for fixed input shapes and is ready to run.
#[derive(Debug)]
pub struct Session {
    backend: Backend,
    inputs: Vec<InputSpec>,
    graph_sha256: String,
}

#[derive(Debug)]
enum Backend {
    // Boxed, because the two types differ much in size; a session is made once and never moved in a loop.
    Tract(Box<TractSession>),
    Ort(Box<OrtSession>),
}

impl Session {
    /// Parses and optimises an ONNX graph for inputs of exactly these types and shapes.
    ///
    /// `inputs` gives the order of the tensors in [`Session::run`]; it must name every input of the graph once.
    ///
    /// # Errors
    ///
    /// [`NnError::Threads`], [`NnError::UnknownInput`], [`NnError::InputCount`], [`NnError::OnnxRuntimeMissing`],
    /// [`NnError::Device`] and [`NnError::Load`].
    pub fn load(graph: &[u8], inputs: &[InputSpec], options: &SessionOptions) -> Result<Self, NnError> {
        options.check()?;
        let backend = if options.with_onnx_runtime()? {
            Backend::Ort(Box::new(OrtSession::load(graph, inputs, options)?))
        } else {
            Backend::Tract(Box::new(TractSession::load(graph, inputs, options.threads)?))
        };
        Ok(Self { backend, inputs: inputs.to_vec(), graph_sha256: sha256_hex(graph) })
    }

    /// Computes the graph's outputs, in the graph's order.
    ///
    /// # Errors
    ///
    /// [`NnError::InputCount`], [`NnError::InputMismatch`], [`NnError::OutputType`] and [`NnError::Run`].
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, NnError> {
        self.check(inputs)?;
        match &self.backend {
            Backend::Tract(session) => session.run(inputs),
            Backend::Ort(session) => session.run(inputs),
        }
    }

    /// Runtime and version, such as `tract 0.23.9` or `onnxruntime 1.22.0`.
    pub fn runtime_name(&self) -> &str {
        match &self.backend {
            Backend::Tract(session) => session.name(),
            Backend::Ort(session) => session.name(),
        }
    }

    /// SHA-256 of the graph's bytes, weights included, in hexadecimal.
    pub fn graph_sha256(&self) -> &str {
        &self.graph_sha256
    }

    /// Inputs, in the order of [`Session::run`].
    pub fn inputs(&self) -> &[InputSpec] {
        &self.inputs
    }

    fn check(&self, tensors: &[Tensor]) -> Result<(), NnError> {
        check_count(self.inputs.iter().map(|spec| spec.name.as_str()), tensors.len())?;
        let wrong = self
            .inputs
            .iter()
            .zip(tensors)
            .find(|(spec, tensor)| tensor.dtype() != spec.dtype || tensor.shape() != spec.shape);
        let Some((spec, tensor)) = wrong else { return Ok(()) };
        Err(NnError::InputMismatch {
            name: spec.name.clone(),
            wanted: spec.describe(),
            found: tensor.describe(),
        })
    }
}

/// Position in the graph of each input asked for, in the order asked.
pub(crate) fn match_inputs(graph_inputs: &[String], specs: &[InputSpec]) -> Result<Vec<usize>, NnError> {
    check_count(graph_inputs.iter().map(String::as_str), specs.len())?;
    let mut free: Vec<Option<&String>> = graph_inputs.iter().map(Some).collect();
    specs
        .iter()
        .map(|spec| {
            // The input is marked as taken, so that a name given twice is not found the second time.
            let at = free.iter().position(|name| *name == Some(&spec.name));
            if let Some(slot) = at.and_then(|at| free.get_mut(at)) {
                *slot = None;
            }
            at.ok_or_else(|| NnError::UnknownInput {
                name: spec.name.clone(),
                known: graph_inputs.join(", "),
            })
        })
        .collect()
}

/// What a graph declares about one of its inputs.
pub(crate) struct Declared {
    /// None for a type that [`DType`] lacks.
    pub(crate) dtype: Option<DType>,
    /// Extent of each axis, `None` for an axis that the graph leaves open; `None` altogether where it leaves the number
    /// of axes open.
    pub(crate) shape: Option<Vec<Option<usize>>>,
    /// The same in the runtime's words.
    pub(crate) text: String,
}

/// Refuses an input whose requested type or shape differs from what the graph declares: tract would take the requested
/// shape without an error, and ONNX Runtime would complain only at the first run.
pub(crate) fn check_fits(
    runtime: &'static str,
    spec: &InputSpec,
    declared: &Declared,
) -> Result<(), NnError> {
    let shape_fits = declared.shape.as_ref().is_none_or(|shape| {
        let fits = |(declared, asked): (&Option<usize>, &usize)| declared.is_none_or(|n| n == *asked);
        shape.len() == spec.shape.len() && shape.iter().zip(&spec.shape).all(fits)
    });
    if shape_fits && declared.dtype == Some(spec.dtype) {
        return Ok(());
    }
    let (name, asked) = (&spec.name, spec.describe());
    let message = format!("input {name:?} is {} in the graph, {asked} was requested", declared.text);
    Err(NnError::Load { runtime, source: message.into() })
}

/// For each graph input, which of the caller's tensors feeds it: the inverse of what [`match_inputs`] gives.
pub(crate) fn feed_order(positions: &[usize]) -> Vec<usize> {
    let mut pairs: Vec<(usize, usize)> =
        positions.iter().copied().enumerate().map(|(i, at)| (at, i)).collect();
    pairs.sort_unstable();
    pairs.into_iter().map(|(_, i)| i).collect()
}

fn check_count<'a>(known: impl ExactSizeIterator<Item = &'a str>, found: usize) -> Result<(), NnError> {
    let wanted = known.len();
    if wanted == found {
        return Ok(());
    }
    Err(NnError::InputCount { wanted, known: known.collect::<Vec<_>>().join(", "), found })
}
