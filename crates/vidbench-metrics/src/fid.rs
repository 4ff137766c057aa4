//! `fid.clean@1`, `fid.pytorch@1`, `fid.tensorflow@1`: how far the frames of a set of clips are from those of a reference set, to Inception.
//!
//! # Definition
//!
//! Inception-v3, as TensorFlow released it on 2015-12-05, gives 2,048 numbers of each frame: its last average pool. The Fréchet distance
//! of these, all frames of all clips of one set against all of the other, covariances divided by N - 1 (see `frechet_distance`). The three
//! differ in how a frame becomes 299x299 alone, and give three numbers.
//!
//! # Range and direction
//!
//! 0 and up, lower is better. It looks at frames one by one: a set of clips that flicker or stand still may have a low one. A distance
//! depends on N; compare equal numbers of clips and frames only.
//!
//! # Input
//!
//! All frames of all clips, each squashed to 299x299:
//!
//! - `clean`: each channel by Pillow's bicubic of floats, antialiased, cut off at 0 and 255, not rounded; `(x - 128) / 128`.
//! - `tensorflow`: TensorFlow 1's bilinear, no antialias, no half-pixel centres; `(x - 128) / 128`.
//! - `pytorch`: in [0, 1] by torch's bilinear, no antialias; `2x - 1`.
//!
//! The frames of a clip are alike, so that N is nearer the number of clips than that of frames. Both are in the result; it is flagged as
//! underpowered below two clips (not frames) a dimension, 4,096 clips, and the 95 % interval draws clips with all their frames.
//!
//! # Reference
//!
//! Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017; Parmar et al., "On
//! Aliased Resizing and Surprising Subtleties in GAN Evaluation", CVPR 2022. `clean`: package `clean-fid` 0.1.35, mode "clean";
//! `tensorflow`: `torch-fidelity` 0.4.0, which torchmetrics follows; `pytorch`: `pytorch-fid` 0.3.0. Weights:
//! `pt_inception-2015-12-05-6726825d.pth`, of which torch-fidelity has a copy; clean-fid takes the same net as a file of NVIDIA's.
//!
//! # Differences
//!
//! All three look at images; frames are chosen by nobody here, every one counts. The square root of the product of covariances is taken by
//! eigenvalues: clean-fid and pytorch-fid add 1e-6 to diagonals where theirs is not finite, which is where there are fewer frames than
//! dimensions. torch-fidelity takes the mean in 32 bits.
//!
//! Programs that decode with decord, OpenCV or PyAV see other colours of 4:2:0 video: swscale's quick conversion repeats chroma and is
//! about a level too dark, here chroma is interpolated unless `--pixels swscale` asks for theirs. On the same frames, with the same
//! random weights, of two sets of five colourful clips and 80 frames, the distances agree with those of the packages' features
//! (clean-fid's frames before pytorch-fid's net) to 1.2e-6, and with the packages' own numbers to 1.2e-5: with fewer frames than
//! dimensions it is their root of a singular matrix that is off. Of the same clips in H.264 `pytorch` and `clean` differ by 13 % and
//! `tensorflow` by 16 %.
//!
//! # Cost
//!
//! One pass of Inception a frame: 6 billion products; not timed yet. 8 kB a frame are kept in the store. The distance: N d^2 and d^3 with d = 2,048 and N the frames,
//! and as much again for each resample of the interval; the rows of both sets are in memory in 64 bits, 16 kB a frame.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

const fn descriptor(id: &'static str, title: &'static str) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "",
        direction: Direction::LowerIsBetter,
        range: (Some(0.0), None),
        needs: Needs::ReferenceSet,
        aggregate: Aggregate::OfSet,
        nets: &["inception-fid"],
    }
}

/// What `fid.clean@1` says about itself.
pub const CLEAN_DESCRIPTOR: MetricDescriptor =
    descriptor("fid.clean@1", "Fréchet inception distance of frames, as clean-fid has it");
/// What `fid.pytorch@1` says about itself.
pub const PYTORCH_DESCRIPTOR: MetricDescriptor =
    descriptor("fid.pytorch@1", "Fréchet inception distance of frames, as pytorch-fid has it");
/// What `fid.tensorflow@1` says about itself.
pub const TENSORFLOW_DESCRIPTOR: MetricDescriptor =
    descriptor("fid.tensorflow@1", "Fréchet inception distance of frames, as torch-fidelity has it");
