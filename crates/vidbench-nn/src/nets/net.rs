//! A net that is ready to run: its graph, its weights, and sessions for the shapes it meets.

use std::sync::{Arc, Mutex, PoisonError};

use super::{NetError, Skeleton, WeightsFile, prepared};
use crate::ort_runtime::OrtSession;
use crate::session::{InputSpec, SessionOptions};
use crate::tensor::Tensor;
use crate::tract_runtime::TractSession;

/// How many sessions for different shapes tract keeps; each holds another copy of the weights.
const TRACT_SESSIONS: usize = 2;

/// A net with its weights, on one runtime.
#[derive(Debug)]
pub struct Net {
    skeleton: Skeleton,
    weights: WeightsFile,
    options: SessionOptions,
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    /// One session runs every shape.
    Ort(Box<OrtSession>),
    /// A session is planned for one shape; the most recently used one is last.
    Tract(Mutex<Vec<Arc<Planned>>>),
}

#[derive(Debug)]
struct Planned {
    specs: Vec<InputSpec>,
    session: TractSession,
}

impl Net {
    /// Writes files beside the weights that make [`Net::load`] quick and let processes share the weights (see
    /// `prepared.rs`). Only ONNX Runtime uses them. A net that is not prepared computes the same.
    ///
    /// # Errors
    ///
    /// [`NetError::Io`], such as a folder that may not be written, and [`NetError::Runtime`].
    pub fn prepare(
        skeleton: &Skeleton,
        weights: &WeightsFile,
        options: &SessionOptions,
    ) -> Result<(), NetError> {
        options.check()?;
        if options.with_onnx_runtime()? { prepared::prepare(skeleton, weights, options) } else { Ok(()) }
    }

    /// Whether [`Net::prepare`] has nothing to do.
    ///
    /// # Errors
    ///
    /// [`NetError::Runtime`].
    pub fn is_prepared(
        skeleton: &Skeleton,
        weights: &WeightsFile,
        options: &SessionOptions,
    ) -> Result<bool, NetError> {
        options.check()?;
        if options.with_onnx_runtime()? {
            prepared::is_prepared(skeleton, weights, options)
        } else {
            Ok(true)
        }
    }

    /// Chooses a runtime and makes the net ready on it.
    ///
    /// # Errors
    ///
    /// [`NetError::Runtime`] and [`NetError::Io`].
    pub fn load(
        skeleton: Skeleton,
        weights: WeightsFile,
        options: &SessionOptions,
    ) -> Result<Self, NetError> {
        options.check()?;
        let backend = if options.with_onnx_runtime()? {
            Backend::Ort(Box::new(prepared::open(&skeleton, &weights, options)?))
        } else {
            Backend::Tract(Mutex::default())
        };
        Ok(Self { skeleton, weights, options: options.clone(), backend })
    }

    /// Name of the net.
    pub fn name(&self) -> &'static str {
        self.skeleton.name()
    }

    /// Runtime and version, such as `tract 0.23.9` or `onnxruntime 1.22.0`.
    pub fn runtime_name(&self) -> &str {
        match &self.backend {
            Backend::Ort(session) => session.name(),
            Backend::Tract(_) => TractSession::NAME,
        }
    }

    /// Computes the outputs, in the graph's order, from inputs given by name.
    ///
    /// # Errors
    ///
    /// [`NetError::Runtime`] for inputs that the graph does not take, and for failures of the runtime.
    /// [`NetError::Io`], because tract reads the weights again for each new shape.
    pub fn run(&self, inputs: &[(&str, Tensor)]) -> Result<Vec<Tensor>, NetError> {
        match &self.backend {
            Backend::Ort(session) => Ok(session.run_named(inputs)?),
            Backend::Tract(sessions) => {
                let planned = self.planned(sessions, inputs)?;
                let tensors: Vec<Tensor> = inputs.iter().map(|(_, tensor)| tensor.clone()).collect();
                Ok(planned.session.run(&tensors)?)
            }
        }
    }

    /// A tensor of the weights that is in no graph, because it is processed before it becomes an input.
    ///
    /// # Errors
    ///
    /// [`NetError::Io`], and [`NetError::Weights`] for a tensor that the net does not have.
    pub fn host_tensor(&self, name: &str) -> Result<Vec<f32>, NetError> {
        let specs = self.skeleton.tensors().iter();
        let place =
            specs.zip(self.weights.places()).find(|(spec, _)| spec.name == name).map(|(_, place)| *place);
        let place = place.ok_or_else(|| NetError::Weights {
            path: self.weights.path().to_owned(),
            reason: format!("{} has no tensor {name:?}", self.name()),
        })?;
        let bytes = self.weights.read(place)?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn planned(
        &self,
        sessions: &Mutex<Vec<Arc<Planned>>>,
        inputs: &[(&str, Tensor)],
    ) -> Result<Arc<Planned>, NetError> {
        let spec = |(name, tensor): &(&str, Tensor)| InputSpec::new(*name, tensor.dtype(), tensor.shape());
        let specs: Vec<InputSpec> = inputs.iter().map(spec).collect();
        // If a thread that holds the lock panics, nothing is left half done: a list of sessions has no state in
        // between.
        let mut kept = sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = match kept.iter().position(|planned| planned.specs == specs) {
            Some(at) => kept.remove(at),
            None => {
                if kept.len() == TRACT_SESSIONS {
                    kept.remove(0);
                }
                let session = self.plan(&specs)?;
                Arc::new(Planned { specs, session })
            }
        };
        kept.push(Arc::clone(&planned));
        Ok(planned)
    }

    fn plan(&self, specs: &[InputSpec]) -> Result<TractSession, NetError> {
        let graph = self.skeleton.with_weights(&self.weights)?;
        Ok(TractSession::of_graph(&graph, specs, self.options.threads)?)
    }
}
