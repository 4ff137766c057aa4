//! The worker that runs the embedded model.

use std::ops::ControlFlow;
use std::time::Instant;

use vidbench_core::protocol::{
    Capabilities, GenerateParams, GenerateResult, LoadParams, LoadResult, LoadedModel, RpcError, Stage,
    StageSpan,
};
use vidbench_core::{ErrorKind, FramesU8, ModelId};
use vidbench_nn::{NnError, Runtime, SessionOptions};
use vidbench_video::{Fps, H264Options, VideoError, encode_h264};

use super::model::{SampleError, ShapesModel};
use super::request::{checked_fps, parsed_prompt};
use super::weights::{MODEL_ID, model_info};
use crate::clock::monotonic_ns;
use vidbench_core::with_causes;

use crate::rss::{peak_rss_bytes, reset_peak_rss};
use crate::serve::{Handler, Notifier, WorkerInfo};

/// Serves `load`, `generate` and `unload` for the embedded model.
#[derive(Debug, Default)]
pub struct EmbeddedGenerator {
    runtime: Runtime,
    model: Option<ShapesModel>,
}

impl EmbeddedGenerator {
    /// A generator on ONNX Runtime where it is found, else on tract.
    pub fn new() -> Self {
        Self::default()
    }

    /// A generator on a runtime of choice.
    pub fn with_runtime(runtime: Runtime) -> Self {
        Self { runtime, model: None }
    }

    fn loaded(&self) -> Result<&ShapesModel, RpcError> {
        self.model.as_ref().ok_or_else(|| {
            RpcError::new(ErrorKind::InvalidRequest, format!("model {MODEL_ID} is not loaded"))
                .with_hint("send load first")
        })
    }
}

impl Handler for EmbeddedGenerator {
    fn initialize(&mut self) -> WorkerInfo {
        let capabilities = Capabilities { models: vec![model_info().id], ..Capabilities::default() };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        WorkerInfo { name: "vidbench-embedded".to_owned(), version, capabilities }
    }

    fn load(&mut self, params: &LoadParams, _notifier: &mut Notifier<'_>) -> Result<LoadResult, RpcError> {
        let start = Instant::now();
        check_model(&params.model, params.revision.as_deref())?;
        let options = SessionOptions::on_cpu(params.threads as usize, self.runtime);
        let model = ShapesModel::load(&options).map_err(|error| load_error(&error))?;
        let info = model_info();
        let loaded = LoadedModel {
            id: info.id,
            revision: Some(info.revision),
            weights: info.weights,
            domain: info.domain,
            runtime: model.runtime_name().to_owned(),
            device: Some("cpu".into()),
            reads_prompt: true,
        };
        self.model = Some(model);
        Ok(LoadResult { model: loaded, load_secs: start.elapsed().as_secs_f64() })
    }

    fn generate(
        &mut self,
        params: &GenerateParams,
        notifier: &mut Notifier<'_>,
    ) -> Result<GenerateResult, RpcError> {
        check_model(&params.model, None)?;
        reset_peak_rss();
        let model = self.loaded()?;
        if let Some(name) = params.inputs.keys().next() {
            let message = format!("{MODEL_ID} generates videos from text only; it accepts no {name}");
            return Err(RpcError::new(ErrorKind::Unsupported, message));
        }
        let fps = checked_fps(params)?;
        let mut stages = Stages { notifier, spans: Vec::new() };
        let frames = generate_frames(model, params, &mut stages)?;
        stages.run(Stage::Encode, |_| write_clip(&params.output, &frames, fps))?;
        result(params, stages.spans)
    }

    fn unload(&mut self, model: &ModelId) -> Result<(), RpcError> {
        check_model(model, None)?;
        self.model = None;
        Ok(())
    }
}

/// Measures stages one after the other and tells the client of each.
struct Stages<'a, 'b> {
    notifier: &'a mut Notifier<'b>,
    spans: Vec<StageSpan>,
}

impl<'b> Stages<'_, 'b> {
    fn run<T>(
        &mut self,
        name: Stage,
        work: impl FnOnce(&mut Notifier<'b>) -> Result<T, RpcError>,
    ) -> Result<T, RpcError> {
        let start_ns = monotonic_ns();
        let value = work(self.notifier)?;
        let end_ns = monotonic_ns();
        self.spans.push(StageSpan { name, start_ns, end_ns });
        self.notifier.stage(name, start_ns, end_ns);
        Ok(value)
    }
}

/// Everything that the timed window covers.
fn generate_frames(
    model: &ShapesModel,
    request: &GenerateParams,
    stages: &mut Stages<'_, '_>,
) -> Result<FramesU8, RpcError> {
    let attributes = stages.run(Stage::TextEncode, |_| parsed_prompt(&request.prompt))?;
    let (steps, guidance) = (request.params.steps, request.params.guidance);
    let latent = stages.run(Stage::Denoise, |notifier| {
        let mut on_step = |index| {
            notifier.step(index, steps);
            // The client no longer reads, so the remaining steps would be for nothing.
            if notifier.is_connected() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        model
            .denoise(&attributes, request.seed, steps, guidance, &mut on_step)
            .map_err(|error| sample_error(&error))
    })?;
    stages.run(Stage::VaeDecode, |_| model.decode(&latent).map_err(|error| sample_error(&error)))
}

/// The window runs from reading the prompt to the last decoded frame; encoding comes after it.
fn result(params: &GenerateParams, stages: Vec<StageSpan>) -> Result<GenerateResult, RpcError> {
    let first = stages.iter().find(|span| span.name == Stage::TextEncode);
    let last = stages.iter().find(|span| span.name == Stage::VaeDecode);
    let (Some(first), Some(last)) = (first, last) else {
        return Err(RpcError::new(ErrorKind::Internal, "a stage of the generation was not measured"));
    };
    Ok(GenerateResult {
        output: params.output.clone(),
        start_ns: first.start_ns,
        end_ns: last.end_ns,
        stages,
        peak_rss_bytes: peak_rss_bytes(),
        peak_device_bytes: None,
    })
}

fn write_clip(output: &str, frames: &FramesU8, fps: Fps) -> Result<(), RpcError> {
    encode_h264(output, frames, &H264Options::new(fps)).map_err(|error| encode_error(&error))
}

fn check_model(model: &ModelId, revision: Option<&str>) -> Result<(), RpcError> {
    let info = model_info();
    if *model != info.id {
        let message = format!("unknown model {model}: this worker has {}", info.id);
        return Err(
            RpcError::new(ErrorKind::InvalidRequest, message).with_hint(format!("ask for model {}", info.id))
        );
    }
    match revision {
        Some(asked) if asked != info.revision => {
            let message =
                format!("revision {asked} of {model} is not available: this worker has {}", info.revision);
            Err(RpcError::new(ErrorKind::WeightsMismatch, message)
                .with_hint("omit the revision, or use the release that contains it"))
        }
        Some(_) | None => Ok(()),
    }
}

fn load_error(error: &NnError) -> RpcError {
    let kind = match error {
        NnError::Threads { .. } => ErrorKind::InvalidRequest,
        NnError::OnnxRuntimeMissing { .. } | NnError::Device { .. } => ErrorKind::Unsupported,
        _ => ErrorKind::Internal,
    };
    let rpc = RpcError::new(kind, with_causes(error));
    error.hint().map_or(rpc.clone(), |hint| rpc.with_hint(hint))
}

fn sample_error(error: &SampleError) -> RpcError {
    RpcError::new(ErrorKind::Internal, with_causes(error))
}

fn encode_error(error: &VideoError) -> RpcError {
    let rpc = RpcError::new(ErrorKind::Internal, with_causes(error));
    error.hint().map_or(rpc.clone(), |hint| rpc.with_hint(hint))
}
