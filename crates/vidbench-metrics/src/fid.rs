//! `fid.clean@1`, `fid.pytorch@1`, `fid.tensorflow@1`: how far the frames of a set of clips are from those of a
//! reference set, as seen by Inception.
//!
//! # Definition
//!
//! Inception-v3, as TensorFlow released it on 2015-12-05, gives 2,048 numbers for each frame: its last average pool.
//! The value is the Fréchet distance between these features of all frames of all clips in one set and those in the
//! other, with covariances divided by N - 1 (see `frechet_distance`). The three metrics differ only in how a frame is
//! brought to 299x299, and give three different numbers.
//!
//! # Range and direction
//!
//! 0 and up, lower is better. Frames are judged one by one, so a set of clips that flicker or stand still can have a
//! low distance. The distance depends on N: compare only equal numbers of clips and frames.
//!
//! # Input
//!
//! All frames of all clips, each squashed to 299x299 (the aspect ratio is not kept):
//!
//! - `clean`: each channel by Pillow's bicubic filter on floats, antialiased, clipped at 0 and 255, not rounded; then
//!   `(x - 128) / 128`.
//! - `tensorflow`: TensorFlow 1's bilinear, no antialiasing, no half-pixel centres; then `(x - 128) / 128`.
//! - `pytorch`: values in [0, 1], torch's bilinear, no antialiasing; then `2x - 1`.
//!
//! The frames of a clip resemble each other, so the effective N is nearer the number of clips than the number of
//! frames. The result gives both numbers. It is flagged as underpowered below two clips (not frames) per dimension,
//! which is 4,096 clips, and the 95 % interval resamples whole clips, with all their frames.
//!
//! # Reference
//!
//! Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017;
//! Parmar et al., "On Aliased Resizing and Surprising Subtleties in GAN Evaluation", CVPR 2022. `clean`: package
//! `clean-fid` 0.1.35, mode "clean"; `tensorflow`: `torch-fidelity` 0.4.0, which torchmetrics follows; `pytorch`:
//! `pytorch-fid` 0.3.0. Weights: `pt_inception-2015-12-05-6726825d.pth`, of which torch-fidelity has a copy; clean-fid
//! loads the same net from a file of NVIDIA's.
//!
//! # Differences
//!
//! All three packages compare sets of images. Here no frames are selected: every frame counts. The square root of the
//! product of the covariances is computed from eigenvalues; clean-fid and pytorch-fid add 1e-6 to the diagonals where
//! their square root is not finite, which happens when there are fewer frames than dimensions. torch-fidelity computes
//! the mean in 32 bits.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. For two sets of five colourful clips and 80 frames, on the same frames and with the same
//! random weights, the distances agree to 1.2e-6 with distances computed from the packages' features (for clean-fid,
//! its resized frames fed to pytorch-fid's net), and to 1.2e-5 with the packages' own distances. The larger difference
//! comes from the packages: with fewer frames than dimensions, their square root of a singular matrix is inexact. When
//! each program decodes the same clips from H.264, `pytorch` and `clean` differ by 13 % and `tensorflow` by 16 %.
//!
//! # Cost
//!
//! One pass of Inception per frame: 6 billion multiplications; not timed yet. The store keeps 8 kB per frame. The
//! distance costs N d^2 and d^3 operations, with d = 2,048 and N the number of frames, and as much again for each
//! resample of the interval. The rows of both sets are held in memory in 64 bits, 16 kB per frame.

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
    descriptor("fid.clean@1", "Fréchet inception distance of frames, as in clean-fid");
/// What `fid.pytorch@1` says about itself.
pub const PYTORCH_DESCRIPTOR: MetricDescriptor =
    descriptor("fid.pytorch@1", "Fréchet inception distance of frames, as in pytorch-fid");
/// What `fid.tensorflow@1` says about itself.
pub const TENSORFLOW_DESCRIPTOR: MetricDescriptor =
    descriptor("fid.tensorflow@1", "Fréchet inception distance of frames, as in torch-fidelity");
