//! The built-in runtime: tract, pure Rust, on the processor.

use std::sync::Arc;

use rayon::ThreadPoolBuilder;
use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::prelude::*;

use crate::error::NnError;
use crate::session::{InputSpec, feed_order, match_inputs};
use crate::tensor::{DType, Data, Tensor as PlainTensor};

/// tract does not tell its version; a test holds this against Cargo.lock.
const NAME: &str = "tract 0.23.9";

#[derive(Debug)]
pub(crate) struct TractSession {
    plan: Arc<TypedSimplePlan>,
    /// For each graph input, which of the caller's tensors feeds it.
    order: Vec<usize>,
    executor: Executor,
}

impl TractSession {
    pub(crate) fn load(graph: &[u8], specs: &[InputSpec], threads: usize) -> Result<Self, NnError> {
        let mut model = tract_onnx::onnx().model_for_read(&mut &*graph).map_err(load_error)?;
        let positions = match_inputs(&input_names(&model).map_err(load_error)?, specs)?;
        for (spec, position) in specs.iter().zip(&positions) {
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
