//! Extracts features: the rows of numbers that nets compute from clips, and from which metrics are computed.
//!
//! An [`Extraction`] is a net with one exact way to feed it: which frames it gets, how they are resized and normalised,
//! and which part of the output is kept. Several metrics share one extraction, and it runs once. Frames go through the
//! net in small batches while the clip is decoded, so that memory does not grow with the clip's length.

mod classes;
mod dino;
mod flow;
mod frames;
mod images;
mod lpips;
mod middle;
mod musiq;
mod padding;
mod places;
mod text;
mod videos;

use std::fmt;
use std::sync::Arc;

use vidbench_core::DecodedFrame;
use vidbench_core::with_causes;
use vidbench_nn::Tensor;
use vidbench_nn::nets::Net;

use self::videos::Layout::{ChannelsFirst, FramesFirst};
use self::videos::Video;

use crate::MetricError;

pub use text::text_id;
pub(crate) use text::{clip_text_embedding, viclip_text_embedding};

/// Gives nets that are ready to run.
pub trait NetSource: fmt::Debug {
    /// The net of that name.
    ///
    /// # Errors
    ///
    /// [`MetricError::NoNet`]: its weights are not there, or the runtime refuses.
    fn net(&self, name: &'static str) -> Result<Arc<Net>, MetricError>;

    /// The embedding of a text by the named text net. A source that keeps embeddings returns the one it has; any other
    /// source has it computed.
    ///
    /// # Errors
    ///
    /// Those of `compute`.
    fn text(
        &self,
        _net: &'static str,
        _text: &str,
        compute: &dyn Fn() -> Result<Vec<f32>, MetricError>,
    ) -> Result<Vec<f32>, MetricError> {
        compute()
    }
}

/// A source without nets.
#[derive(Debug, Clone, Copy)]
pub struct NoNets;

impl NetSource for NoNets {
    fn net(&self, name: &'static str) -> Result<Arc<Net>, MetricError> {
        Err(MetricError::NoNet { reason: format!("no nets are available here, including {name}") })
    }
}

/// Rows of numbers that a net gave for a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Numbers of a row.
    pub dims: usize,
    /// The numbers, row after row.
    pub values: Vec<f32>,
    /// What a reader of numbers computed from these rows has to know.
    pub note: Option<String>,
}

impl Rows {
    /// Rows of `dims` numbers each.
    pub fn new(dims: usize, values: Vec<f32>) -> Self {
        Self { dims, values, note: None }
    }

    /// No rows yet.
    pub fn of_dims(dims: usize) -> Self {
        Self::new(dims, Vec::new())
    }

    /// Each row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dims.max(1))
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.values.len() / self.dims.max(1)
    }
}

/// A net with one exact way to feed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extraction {
    /// A row per frame: CLIP ViT-B/32 as VBench feeds it.
    ClipB32Vbench,
    /// A row per frame: CLIP ViT-B/32 as its authors feed it.
    ClipB32,
    /// A row of one number per frame: CLIP ViT-L/14 as VBench feeds it, and the aesthetic head on it.
    AestheticVbench,
    /// A row per frame: DINO ViT-B/16 as VBench feeds it.
    DinoVbench,
    /// A row of the image that the clip was made from, then a row per frame: DINO ViT-B/16 as VBench-I2V feeds it.
    DinoI2v,
    /// A row of one number per frame: MUSIQ as VBench feeds it.
    MusiqVbench,
    /// A row of one number per pair of frames: RAFT as VBench's dynamic degree feeds it.
    RaftFastest,
    /// A row of one number per odd frame: AMT-S as VBench feeds it.
    AmtMiddles,
    /// A row of one number per frame of the clip and its reference: LPIPS on AlexNet.
    LpipsAlex,
    /// The same on VGG-16.
    LpipsVgg,
    /// The same on SqueezeNet.
    LpipsSqueeze,
    /// A row per frame: Inception-v3 as clean-fid feeds it.
    InceptionClean,
    /// A row per frame: Inception-v3 as TensorFlow's graph feeds itself.
    InceptionTensorflow,
    /// A row per frame: Inception-v3 as pytorch-fid feeds it.
    InceptionPytorch,
    /// A row per clip, probabilities of UCF-101's classes: C3D as TGAN v2 feeds it.
    C3dTgan2,
    /// A row per clip: I3D as cd-fvd feeds it.
    I3dCdfvd,
    /// A row per clip: I3D as VideoGPT feeds it.
    I3dVideogpt,
    /// A row per clip: StyleGAN-V's I3D as common_metrics_on_video_quality feeds it.
    I3dCommonMetrics,
    /// A row per clip: StyleGAN-V's I3D as StyleGAN-V feeds it.
    I3dStyleganv,
    /// A row per clip: VideoMAE v2 as cd-fvd feeds it.
    VideomaeCdfvd,
    /// A row per clip: ViCLIP as VBench feeds it.
    ViclipVbench,
    /// A row per clip, logits of Kinetics-400: UMT as VBench feeds it.
    UmtVbench,
    /// A row of two numbers per pair of frames: RAFT as VBench's static filter feeds it, and the frames' difference.
    RaftStill,
    /// A row of one number per pair of frames: what RAFT's flow does not explain of their difference.
    RaftWarping,
}

/// What is known of a clip before its first frame.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// Frames per second that the file records.
    pub fps: Option<f64>,
    /// The number of its frames, counted, if an extraction [needs](Extraction::counts_frames) it.
    pub frames: Option<usize>,
    /// The image it was made from, or why there is none.
    pub image: Result<DecodedFrame<'a>, &'a MetricError>,
}

/// Takes the frames of a clip, one after the other.
pub trait Extractor {
    /// Takes the next frame, and the reference's frame if there is a reference. Every frame of a clip has the same
    /// size.
    ///
    /// # Errors
    ///
    /// Why the clip has no rows; later frames need not be pushed.
    fn push(
        &mut self,
        frame: &DecodedFrame<'_>,
        reference: Option<&DecodedFrame<'_>>,
    ) -> Result<(), MetricError>;

    /// The rows, after the last frame.
    ///
    /// # Errors
    ///
    /// Why there are none.
    fn finish(self: Box<Self>) -> Result<Rows, MetricError>;
}

impl Extraction {
    /// Its name with a version; the version changes with anything that changes its rows.
    pub fn id(self) -> &'static str {
        match self {
            Self::ClipB32Vbench => "clip-vit-b32.vbench@1",
            Self::ClipB32 => "clip-vit-b32.clip@1",
            Self::AestheticVbench => "aesthetic.vbench@1",
            Self::DinoVbench => "dino-vitb16.vbench@1",
            Self::DinoI2v => "dino-vitb16.vbench-i2v@1",
            Self::MusiqVbench => "musiq-spaq.vbench@1",
            Self::RaftFastest => "raft.dynamic-degree@2",
            Self::AmtMiddles => "amt-s.motion-smoothness@2",
            Self::LpipsAlex => "lpips-alex.frames@1",
            Self::LpipsVgg => "lpips-vgg.frames@1",
            Self::LpipsSqueeze => "lpips-squeeze.frames@1",
            Self::InceptionClean => "inception-fid.clean@1",
            Self::InceptionTensorflow => "inception-fid.tensorflow@1",
            Self::InceptionPytorch => "inception-fid.pytorch@1",
            Self::C3dTgan2 => "c3d-ucf101.tgan2@1",
            Self::I3dCdfvd => "i3d-400.cdfvd@1",
            Self::I3dVideogpt => "i3d-400.videogpt@1",
            Self::I3dCommonMetrics => "i3d-styleganv.common-metrics@1",
            Self::I3dStyleganv => "i3d-styleganv.styleganv@1",
            Self::VideomaeCdfvd => "videomae-g.cdfvd@1",
            Self::ViclipVbench => "viclip-l.vbench@1",
            Self::UmtVbench => "umt-l16.vbench@1",
            Self::RaftStill => "raft.static-filter@2",
            Self::RaftWarping => "raft.warping@2",
        }
    }

    /// The nets it runs.
    pub fn nets(self) -> &'static [&'static str] {
        match self {
            Self::ClipB32Vbench | Self::ClipB32 => &["clip-vit-b32-vision"],
            Self::AestheticVbench => &["clip-vit-l14-vision", "aesthetic-head"],
            Self::DinoVbench | Self::DinoI2v => &["dino-vitb16"],
            Self::MusiqVbench => &["musiq-spaq"],
            Self::RaftFastest => &["raft"],
            Self::AmtMiddles => &["amt-s"],
            Self::LpipsAlex => &["lpips-alex"],
            Self::LpipsVgg => &["lpips-vgg"],
            Self::LpipsSqueeze => &["lpips-squeeze"],
            Self::InceptionClean | Self::InceptionTensorflow | Self::InceptionPytorch => &["inception-fid"],
            Self::C3dTgan2 => &["c3d-ucf101"],
            Self::I3dCdfvd | Self::I3dVideogpt => &["i3d-400"],
            Self::I3dCommonMetrics | Self::I3dStyleganv => &["i3d-styleganv"],
            Self::VideomaeCdfvd => &["videomae-g"],
            Self::ViclipVbench => &["viclip-l-vision"],
            Self::UmtVbench => &["umt-l16"],
            Self::RaftStill | Self::RaftWarping => &["raft"],
        }
    }

    /// Whether it looks at the image that the clip was made from.
    pub fn looks_at_image(self) -> bool {
        self == Self::DinoI2v
    }

    /// Whether the number of frames in the clip decides which frames are looked at, or how many.
    pub fn counts_frames(self) -> bool {
        matches!(self, Self::ViclipVbench | Self::UmtVbench | Self::RaftFastest)
    }

    /// Begins with a clip.
    ///
    /// # Errors
    ///
    /// [`MetricError::NoNet`].
    pub fn extractor(
        self,
        nets: &dyn NetSource,
        clip: Beginning<'_>,
    ) -> Result<Box<dyn Extractor>, MetricError> {
        let net = |at: usize| nets.net(self.nets()[at]);
        let first = || (0..videos::FIRST_FRAMES).collect();
        let middle = |count| videos::middle_frames(count, clip.frames.unwrap_or(0));
        Ok(match self {
            Self::ClipB32Vbench => Box::new(images::Images::new(net(0)?, frames::clip_vbench, None)),
            Self::ClipB32 => Box::new(images::Images::new(net(0)?, frames::clip, None)),
            Self::AestheticVbench => {
                Box::new(images::Images::new(net(0)?, frames::clip_vbench, Some(net(1)?)))
            }
            Self::DinoVbench => Box::new(dino::Dino::new(net(0)?)),
            Self::DinoI2v => Box::new(dino::Dino::with_image(net(0)?, &clip.image.map_err(Clone::clone)?)?),
            Self::MusiqVbench => Box::new(musiq::Musiq::new(net(0)?)),
            Self::RaftFastest => {
                Box::new(flow::FastestFlow::new(net(0)?, clip.frames.unwrap_or(usize::MAX), clip.fps))
            }
            Self::AmtMiddles => Box::new(middle::MadeUpMiddles::new(net(0)?)),
            Self::InceptionClean => Box::new(images::Images::new(net(0)?, frames::inception_clean, None)),
            Self::InceptionTensorflow => {
                Box::new(images::Images::new(net(0)?, frames::inception_tensorflow, None))
            }
            Self::InceptionPytorch => Box::new(images::Images::new(net(0)?, frames::inception_pytorch, None)),
            Self::C3dTgan2 => Box::new(classes::Classes::c3d(net(0)?)?),
            Self::I3dCdfvd => Box::new(Video::new(net(0)?, frames::i3d_cdfvd, ChannelsFirst, first())),
            // common_metrics_on_video_quality feeds StyleGAN-V's I3D as VideoGPT feeds its own I3D.
            Self::I3dVideogpt | Self::I3dCommonMetrics => {
                Box::new(Video::new(net(0)?, frames::i3d_videogpt, ChannelsFirst, first()))
            }
            Self::I3dStyleganv => {
                Box::new(Video::new(net(0)?, frames::i3d_styleganv, ChannelsFirst, first()))
            }
            Self::VideomaeCdfvd => Box::new(
                Video::new(net(0)?, frames::videomae_cdfvd, ChannelsFirst, first())
                    .with_places(places::videomae()),
            ),
            Self::ViclipVbench => {
                Box::new(Video::new(net(0)?, frames::viclip_vbench, FramesFirst, middle(8)))
            }
            Self::UmtVbench => Box::new(
                Video::new(net(0)?, frames::umt_vbench, ChannelsFirst, middle(16)).with_places(places::umt()),
            ),
            Self::RaftStill => Box::new(flow::StillFlow::new(net(0)?)),
            Self::RaftWarping => Box::new(flow::Warping::new(net(0)?)),
            Self::LpipsAlex | Self::LpipsVgg | Self::LpipsSqueeze => Box::new(lpips::Lpips::new(net(0)?)),
        })
    }
}

/// The first output of a net, `[rows, dims]`, and `dims`.
fn run_rows(net: &Net, inputs: &[(&str, Tensor)]) -> Result<(Vec<f32>, usize), MetricError> {
    let failed = |reason: String| MetricError::Net { net: net.name(), reason };
    let outputs = net.run(inputs).map_err(|error| match error.is_out_of_memory() {
        true => MetricError::OutOfMemory { net: net.name(), reason: with_causes(&error) },
        false => failed(with_causes(&error)),
    })?;
    let output = outputs.first().ok_or_else(|| failed("it has no output".into()))?;
    let values = output.as_f32().map_err(|error| failed(error.to_string()))?;
    let rows = output.shape().first().copied().unwrap_or(1).max(1);
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(failed(format!("an output is {value}")));
    }
    Ok((values.to_vec(), values.len() / rows))
}

fn tensor(shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Tensor {
    Tensor::f32(shape, values).expect("invariant: each caller fills its shape")
}
