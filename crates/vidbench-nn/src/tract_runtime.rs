//! The built-in runtime: tract, pure Rust, on the processor.

use std::fmt;
use std::sync::Arc;

use rayon::ThreadPoolBuilder;
use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::{DimFact, Factoid as _};

use crate::error::NnError;
use crate::session::{Declared, InputSpec, check_fits, feed_order, match_inputs};
use crate::tensor::{DType, Data, Tensor as PlainTensor};

/// tract does not report its version; a test compares this one with Cargo.lock.
const NAME: &str = "tract 0.23.9";

/// Name and version of the runtime that is built in.
pub fn tract_version() -> &'static str {
    NAME
}

pub(crate) struct TractSession {
    plan: Arc<TypedSimplePlan>,
    /// For each graph input, which of the caller's tensors feeds it.
    order: Vec<usize>,
    executor: Executor,
}

impl TractSession {
    pub(crate) const NAME: &str = NAME;

    pub(crate) fn load(graph: &[u8], specs: &[InputSpec], threads: usize) -> Result<Self, NnError> {
        Self::of_model(tract_onnx::onnx().model_for_read(&mut &*graph).map_err(load_error)?, specs, threads)
    }

    /// A graph with its weights inside.
    pub(crate) fn of_graph(graph: &ModelProto, specs: &[InputSpec], threads: usize) -> Result<Self, NnError> {
        let onnx = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
        Self::of_model(onnx.model_for_proto_model(graph).map_err(load_error)?, specs, threads)
    }

    fn of_model(mut model: InferenceModel, specs: &[InputSpec], threads: usize) -> Result<Self, NnError> {
        let positions = match_inputs(&input_names(&model).map_err(load_error)?, specs)?;
        for (spec, position) in specs.iter().zip(&positions) {
            check_fits(NAME, spec, &declared(model.input_fact(*position).map_err(load_error)?))?;
            model.set_input_fact(*position, fact(spec)).map_err(load_error)?;
        }
        let plan = model.into_optimized().and_then(TypedSimplePlan::new).map_err(load_error)?;
        Ok(Self { plan, order: feed_order(&positions), executor: executor(threads)? })
    }

    pub(crate) fn run(&self, inputs: &[PlainTensor]) -> Result<Vec<PlainTensor>, NnError> {
        let values = self
            .order
            .iter()
            .filter_map(|index| inputs.get(*index))
            .map(|tensor| value(tensor).map_err(run_error))
            .collect::<Result<TVec<TValue>, _>>()?;
        // Every kernel splits work on row borders, so the bits do not depend on the number of threads.
        let outputs = multithread_tract_scope(self.executor.clone(), || self.plan.run(values));
        outputs.map_err(run_error)?.iter().enumerate().map(|(index, output)| plain(index, output)).collect()
    }

    pub(crate) fn name(&self) -> &'static str {
        NAME
    }
}

/// Leaves out the graph, which is as long as a book.
impl fmt::Debug for TractSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TractSession").field("name", &NAME).finish_non_exhaustive()
    }
}

fn executor(threads: usize) -> Result<Executor, NnError> {
    if threads == 1 {
        return Ok(Executor::SingleThread);
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("tract-{n}")).build();
    pool.map(|pool| Executor::MultiThread(Arc::new(pool))).map_err(|error| load_error(error.into()))
}

fn input_names(model: &InferenceModel) -> TractResult<Vec<String>> {
    let outlets = model.input_outlets()?;
    Ok(outlets.iter().map(|outlet| model.node(outlet.node).name.clone()).collect())
}

fn declared(fact: &InferenceFact) -> Declared {
    let dtype = fact.datum_type.concretize().and_then(|dtype| match dtype {
        DatumType::F32 => Some(DType::F32),
        DatumType::I64 => Some(DType::I64),
        _ => None,
    });
    let extent = |dim: &DimFact| dim.concretize()?.to_i64().ok()?.try_into().ok();
    let shape = (!fact.shape.is_open()).then(|| fact.shape.dims().map(extent).collect());
    Declared { dtype, shape, text: fact.format_dt_shape() }
}

fn fact(spec: &InputSpec) -> InferenceFact {
    let dtype = match spec.dtype {
        DType::F32 => f32::datum_type(),
        DType::I64 => i64::datum_type(),
    };
    InferenceFact::dt_shape(dtype, &spec.shape)
}

fn value(tensor: &PlainTensor) -> TractResult<TValue> {
    let value = match tensor.data() {
        Data::F32(data) => Tensor::from_shape(tensor.shape(), data)?,
        Data::I64(data) => Tensor::from_shape(tensor.shape(), data)?,
    };
    Ok(value.into())
}

fn plain(index: usize, output: &TValue) -> Result<PlainTensor, NnError> {
    let shape = output.shape();
    let data = output.try_as_plain_ram().map_err(run_error)?;
    if output.datum_type() == f32::datum_type() {
        return PlainTensor::f32(shape, data.as_slice().map_err(run_error)?.to_vec());
    }
    if output.datum_type() == i64::datum_type() {
        return PlainTensor::i64(shape, data.as_slice().map_err(run_error)?.to_vec());
    }
    Err(NnError::OutputType { index, found: format!("{:?}", output.datum_type()) })
}

fn load_error(error: TractError) -> NnError {
    NnError::Load { runtime: NAME, source: error.into() }
}

fn run_error(error: TractError) -> NnError {
    NnError::Run { runtime: NAME, source: error.into() }
}
