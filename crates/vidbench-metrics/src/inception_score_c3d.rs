//! `inception_score.c3d@1`: how sure and how varied a classifier of videos is over a set of clips.
//!
//! # Definition
//!
//! C3D, trained on UCF-101, gives the probabilities of 101 actions of each clip's first 16 frames. The inception score of these rows: `exp`
//! of the mean divergence of a row from the mean row, the mean over ten splits of the clips in a fixed order (see `inception_score`).
//!
//! # Range and direction
//!
//! 1 to 101, higher is better. Only models that were trained on UCF-101 can be compared by it: to C3D every other clip is one of its 101
//! actions too.
//!
//! # Input
//!
//! Clips of at least 16 frames, ten at least; further frames are not looked at. No reference set. Each frame is squashed to 112x112,
//! bilinear with the corners of both images on each other; blue, green, red in 0 to 255, less the mean of the videos that C3D was trained on.
//!
//! # Reference
//!
//! Saito et al., "Train Sparsely, Generate Densely: Memory-efficient Unsupervised Training of High-resolution Temporal GAN", IJCV 2020;
//! pfnet-research/tgan2 at commit f892bc4, `c3d_ucf101.py` and `inception_score.py`. Weights: `conv3d_deepnetA_ucf.npz`; mean: rows and
//! columns 8 to 120 of `mean2.npz`.
//!
//! # Differences
//!
//! TGAN v2 draws ten sets of 2,048 clips from a generator, takes the score of each and adds 1e-20 to probabilities; here one set of clips is
//! split in ten, as StyleGAN-V does with 2,048 (`isv2048`): compare equal N only. StyleGAN-V's C3D is another file, an archive whose tensors' names no public source
//! tells.
//!
//! Programs that decode with decord, OpenCV or PyAV see other colours of 4:2:0 video: swscale's quick conversion repeats chroma and is
//! about a level too dark, here chroma is interpolated unless `--pixels swscale` asks for theirs. On the same frames the numbers agree
//! to 1e-5; of colourful files they may differ by a few percent.
//!
//! # Cost
//!
//! One pass of C3D a clip, 40 billion products; not timed yet.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

/// What `inception_score.c3d@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "inception_score.c3d@1",
    title: "inception score of clips, to C3D trained on UCF-101",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(1.0), Some(101.0)),
    needs: Needs::ClipSet,
    aggregate: Aggregate::OfSet,
    nets: &["c3d-ucf101"],
};
