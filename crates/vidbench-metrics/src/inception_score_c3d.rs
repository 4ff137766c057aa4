//! `inception_score.c3d@1`: how sure a video classifier is of each clip of a set, and how varied the classes are that
//! it sees.
//!
//! # Definition
//!
//! C3D, trained on UCF-101, gives the probabilities of 101 actions for each clip's first 16 frames. The value is the
//! inception score of these rows: `exp` of the mean divergence of a row from the mean row, averaged over ten splits of
//! the clips in a fixed order (see `inception_score`).
//!
//! # Range and direction
//!
//! 1 to 101, higher is better. Use it only to compare models that were trained on UCF-101: C3D assigns any other clip
//! to one of its 101 actions too.
//!
//! # Input
//!
//! At least ten clips of at least 16 frames; any further frames are ignored. No reference set. Each frame is squashed
//! to 112x112, bilinear with aligned corners; channels are in the order blue, green, red, from 0 to 255, less the mean
//! of the videos that C3D was trained on.
//!
//! # Reference
//!
//! Saito et al., "Train Sparsely, Generate Densely: Memory-efficient Unsupervised Training of High-resolution Temporal GAN", IJCV 2020;
//! pfnet-research/tgan2 at commit f892bc4, `c3d_ucf101.py` and `inception_score.py`. Weights: `conv3d_deepnetA_ucf.npz`; mean: rows and
//! columns 8 to 120 of `mean2.npz`.
//!
//! # Differences
//!
//! TGAN v2 draws ten sets of 2,048 clips from a generator, takes the score of each and adds 1e-20 to probabilities;
//! here one set of clips is split in ten, as StyleGAN-V does with 2,048 clips (`isv2048`): compare only at equal N.
//! StyleGAN-V's C3D is a different file, an archive whose tensor names are not given by any public source.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames the numbers agree to 1e-5; for colourful files they may differ by a few
//! percent.
//!
//! # Cost
//!
//! One pass of C3D per clip, 40 billion multiplications; not timed yet.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

/// What `inception_score.c3d@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "inception_score.c3d@1",
    title: "inception score of clips, with C3D trained on UCF-101",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(1.0), Some(101.0)),
    needs: Needs::ClipSet,
    aggregate: Aggregate::OfSet,
    nets: &["c3d-ucf101"],
};
