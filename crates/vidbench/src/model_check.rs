//! `vidbench models check`: whether a model really runs, step by step, through the worker protocol.
//!
//! The steps are: load, generate, the same seed again, another seed. The video must decode to what was requested, equal
//! seeds must give equal bytes, and different seeds different bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use vidbench_core::protocol::{Decoded, GenerateParams, LoadParams, ScoreParams};
use vidbench_core::{
    ClipFacts, Clock, ErrorKind, FramesU8, ModelId, NetOptions, Params, SampleId, rfc3339, sha256_hex,
};
use vidbench_engines::{CallError, CallObserver, Notification, WorkerCommand, WorkerProcess};
use vidbench_video::{Fps, H264Options, encode_h264};
use vidbench_worker::Scorer;

use crate::{CLASSIFIER, Evidence, TinyPipeline};

/// A check of one model.
#[derive(Debug, Clone)]
pub struct ModelCheck {
    /// The name under which the worker knows the model.
    pub model: ModelId,
    /// The pipeline class that the evidence is about.
    pub class: String,
    /// A part added to its own weights.
    pub part: Option<String>,
    /// How it is loaded.
    pub settings: Map<String, Value>,
    /// `tiny`, `random` or `real`.
    pub weights: &'static str,
    /// Parameters to request.
    pub params: Params,
    /// Its prompt.
    pub prompt: String,
    /// Input files that it requires, by name; the check creates them.
    pub inputs: Vec<String>,
    /// Threads the worker may use for computing.
    pub threads: u32,
    /// Seconds that loading and each generation may take.
    pub timeout: Duration,
}

impl ModelCheck {
    /// The check of a pipeline class with tiny random networks.
    pub fn tiny(
        class: &str,
        part: Option<&str>,
        tiny: &TinyPipeline,
    ) -> Result<Self, vidbench_core::IdError> {
        let shape = tiny.shape;
        let with_part = part.map_or(String::new(), |part| format!("/{part}"));
        Ok(Self {
            model: ModelId::new(format!("tiny/{class}{with_part}"))?,
            class: class.into(),
            part: part.map(Into::into),
            settings: Map::new(),
            weights: "tiny",
            params: Params {
                steps: shape.steps,
                guidance: shape.guidance,
                frames: shape.frames,
                width: shape.width,
                height: shape.height,
                fps: shape.fps,
            },
            prompt: tiny.prompt.clone(),
            inputs: tiny.inputs.clone(),
            threads: 1,
            timeout: Duration::from_secs(600),
        })
    }

    /// Runs the check with a worker; `scratch` is an empty folder for its files.
    pub fn run(&self, command: &WorkerCommand, scratch: &Path, clock: &Arc<dyn Clock>) -> Evidence {
        let mut found = Evidence {
            class: self.class.clone(),
            part: self.part.clone(),
            model: (self.weights != "tiny").then(|| self.model.to_string()),
            reached: "declared".into(),
            reason: None,
            weights: self.weights.into(),
            date: rfc3339(clock.unix_ms()).chars().take(10).collect(),
            versions: String::new(),
            shape: None,
            steps: None,
            video_sha256: None,
            stages: Vec::new(),
        };
        found.reason = self.steps(command, scratch, clock, &mut found).err();
        found
    }

    fn steps(
        &self,
        command: &WorkerCommand,
        scratch: &Path,
        clock: &Arc<dyn Clock>,
        found: &mut Evidence,
    ) -> Result<(), String> {
        let mut worker =
            WorkerProcess::start(command, Arc::clone(clock)).map_err(|error| error.to_string())?;
        worker
            .initialize(concat!("vidbench ", env!("CARGO_PKG_VERSION")), self.timeout)
            .map_err(|error| format!("initialize: {error}"))?;
        let load = LoadParams {
            model: self.model.clone(),
            revision: None,
            threads: self.threads,
            settings: self.settings.clone(),
        };
        let loaded = worker.load(&load, self.timeout, &mut ()).map_err(|error| {
            if was_found(&error) {
                found.reached = "resolved".into();
            }
            format!("load: {error}")
        })?;
        found.reached = "loaded".into();
        // Class and device are left out, because they are not versions.
        found.versions = loaded.model.runtime.split(", ").take(2).collect::<Vec<_>>().join(", ");
        let inputs = self.write_inputs(scratch)?;
        let mut made = Vec::new();
        for (name, seed) in [("first", 7), ("again", 7), ("other", 8)] {
            let output = scratch.join(format!("{name}.mp4"));
            let request = self.request(seed, &output, inputs.clone());
            let mut steps = CountSteps(0);
            let reply = worker
                .generate(&request, self.timeout, &mut steps)
                .map_err(|error| format!("generate: {error}"))?;
            for stage in &reply.result.stages {
                let name = stage.name.name().to_owned();
                if !found.stages.contains(&name) {
                    found.stages.push(name);
                }
            }
            found.steps = Some(steps.0);
            made.push(fs::read(&output).map_err(|error| format!("{name} video: {error}"))?);
        }
        let facts = facts(&scratch.join("first.mp4"))?;
        found.shape = Some([facts.frames, facts.width, facts.height]);
        self.judge(&facts, &made)?;
        found.video_sha256 = made.first().map(|first| sha256_hex(first));
        found.reached = "generated".into();
        // The check is done; a clean shutdown is for the conformance suite to judge.
        let _ = worker.shutdown(Duration::from_secs(10));
        Ok(())
    }

    fn request(&self, seed: u64, output: &Path, inputs: BTreeMap<String, String>) -> GenerateParams {
        GenerateParams {
            sample: SampleId([0; 16]),
            model: self.model.clone(),
            prompt: self.prompt.clone(),
            negative: None,
            seed,
            params: self.params.clone(),
            output: output.to_string_lossy().into_owned(),
            inputs,
        }
    }

    fn judge(&self, facts: &ClipFacts, made: &[Vec<u8>]) -> Result<(), String> {
        let asked = (self.params.frames, self.params.width, self.params.height);
        if (facts.frames, facts.width, facts.height) != asked {
            let (frames, width, height) = asked;
            return Err(format!(
                "asked for {frames} frames of {width}x{height}, got {} of {}x{}",
                facts.frames, facts.width, facts.height
            ));
        }
        match made {
            [first, again, _] if first != again => Err("the same seed produced a different file".into()),
            [first, _, other] if first == other => Err("a different seed produced the same file".into()),
            _ => Ok(()),
        }
    }

    /// Creates a picture or a clip for each input, with something in it that moves.
    fn write_inputs(&self, scratch: &Path) -> Result<BTreeMap<String, String>, String> {
        let Params { frames, width, height, .. } = self.params;
        let write = |name: &String| {
            let path = if name.contains("video") {
                let path = scratch.join(format!("{name}.mp4"));
                let pixels = pixels(frames, width, height);
                let clip = FramesU8::new(frames as usize, height as usize, width as usize, pixels)
                    .map_err(|error| error.to_string())?;
                let fps = Fps::new(8, 1).ok_or("8 frames per second is a valid rate")?;
                encode_h264(&path, &clip, &H264Options::new(fps)).map_err(|error| error.to_string())?;
                path
            } else {
                let path = scratch.join(format!("{name}.ppm"));
                let head = format!("P6 {width} {height} 255\n").into_bytes();
                fs::write(&path, [head, pixels(1, width, height)].concat())
                    .map_err(|error| error.to_string())?;
                path
            };
            Ok((name.clone(), path.to_string_lossy().into_owned()))
        };
        self.inputs.iter().map(write).collect::<Result<_, String>>().map_err(|why| format!("inputs: {why}"))
    }
}

/// A gradient that moves.
fn pixels(frames: u32, width: u32, height: u32) -> Vec<u8> {
    let at =
        |frame: u32, y: u32, x: u32| [x * 4 + frame * 9, y * 4, (x + y) * 2].map(|value| (value % 256) as u8);
    (0..frames)
        .flat_map(|f| (0..height).flat_map(move |y| (0..width).flat_map(move |x| at(f, y, x))))
        .collect()
}

struct CountSteps(u32);

impl CallObserver for CountSteps {
    fn notification(&mut self, notification: &Notification) {
        if matches!(notification, Notification::Step(_)) {
            self.0 += 1;
        }
    }
}

/// Decodes a file as a run would.
fn facts(file: &Path) -> Result<ClipFacts, String> {
    let request = ScoreParams {
        path: vidbench_core::text_from_path(file),
        reference: None,
        metrics: Vec::new(),
        prompt: None,
        image: None,
        options: Default::default(),
        known_features: Vec::new(),
        return_features: false,
    };
    let mut scorer = Scorer::new(CLASSIFIER, crate::stored_nets(NetOptions::default()));
    match scorer.score(&request).map_err(|error| error.message)?.decoded {
        Decoded::Failed { reason } => Err(format!("decode: {reason}")),
        Decoded::Facts(facts) => Ok(facts),
    }
}

/// Whether a failed load got as far as the model itself.
fn was_found(error: &CallError) -> bool {
    match error {
        CallError::Worker(refusal) => matches!(
            refusal.data.kind,
            ErrorKind::OutOfMemory | ErrorKind::DeviceLost | ErrorKind::WeightsMismatch
        ),
        _ => false,
    }
}
