//! `fvd.cdfvd-i3d@1`, `fvd.cdfvd-videomae@1`, `fvd.common-metrics@1`, `fvd.styleganv@1`, `fvd.videogpt@1`,
//! `kvd.cdfvd-i3d@1`, `fvd_infinity.cdfvd-i3d@1`: how far a set of clips is from a reference set, as seen by a video
//! net.
//!
//! # Definition
//!
//! I3D, trained on Kinetics-400, gives 400 numbers for each clip's first 16 frames: its logits, averaged over time.
//! VideoMAE v2 ViT-g, trained on Something-Something, gives 1,408: the mean of its tokens after their norm. From these
//! features, `fvd` is the Fréchet distance, `kvd` the squared maximum mean discrepancy under a cubic kernel, and
//! `fvd_infinity` the Fréchet distance expected for infinitely many clips (see `frechet_distance`, `kernel_distance`,
//! `frechet_infinity`). Covariances are divided by N in `fvd.cdfvd-i3d`, `fvd.cdfvd-videomae` and `fvd.styleganv`, and
//! by N - 1 in the others.
//!
//! `fvd.common-metrics` and `fvd.styleganv` use StyleGAN-V's copy of I3D: the same training in another file, whose
//! batch norms have an epsilon of 1e-3 instead of 1e-5. With the same weights, its features differ by 1 %.
//!
//! # Range and direction
//!
//! 0 and up for `fvd`; `kvd` and `fvd_infinity` may fall a little below 0. Lower is better. The distance depends on the
//! number of clips: two samples of 256 clips from the same distribution are hundreds apart. Compare only at equal N.
//!
//! # Input
//!
//! Clips of at least 16 frames; any further frames are ignored. `cdfvd-i3d`: the shorter side is resized to 256
//! (bilinear, antialiased); the frame is cropped to the middle square, truncated to bytes, and squashed to 224x224
//! (bilinear, no antialiasing). `cdfvd-videomae`: the same, scaled to [0, 1], with no mean or deviation applied.
//! `videogpt`: the shorter side is resized to 224 (bilinear, no antialiasing), then the frame is cropped to the middle
//! square. `common-metrics`: as `videogpt`. `styleganv`: squashed to 224x224 (bilinear, no antialiasing).
//!
//! # Reference
//!
//! Unterthiner et al., "Towards Accurate Generative Models of Video: A New Metric & Challenges", 2018; Ge et al., "On the Content Bias in Fréchet
//! Video Distance", CVPR 2024, package `cd-fvd` 0.1.1; Yan et al., "VideoGPT", 2021; Skorokhodov et al., "StyleGAN-V", CVPR 2022, `fvd2048_16f` at 3fecd69; common_metrics_on_video_quality at 5f75173,
//! `method="styleganv"`. Weights: `i3d_pretrained_400.pt`, `vit_g_hybrid_pt_1200e_ssv2_ft.pth` and `i3d_torchscript.pt`.
//!
//! # Differences
//!
//! cd-fvd takes 16 frames from a random position in each clip, and draws clips twice where a folder has fewer than
//! 2,048; here each clip is used once, with its first 16 frames. StyleGAN-V takes 16 frames from a random position in
//! real clips, and 2,048 clips of each kind; common_metrics takes all frames of a clip.
//!
//! StyleGAN-V's weight file was never available to check against. The names of its tensors are inferred from
//! kinetics_i3d_pytorch; if they differ, the file is refused when it is fetched. How the net in that file resizes its
//! input is also inferred. `fvd.styleganv` depends on this for frames that are not 224x224; `fvd.common-metrics` does
//! not. `vidbench metrics selftest` computes two published distances with that file.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights, the features of I3D and VideoMAE agree with
//! cd-fvd's to 2e-6 of the largest feature, and the distances to 1e-6 of their value. For the same colourful clips
//! decoded from H.264, the features differ by 3 %, and so does the distance; for two sets of five other clips, the I3D
//! distance differs by 1.8 %. With fewer clips than dimensions, cd-fvd's own square root of a singular matrix is off by
//! 4e-5 of the distance.
//!
//! # Cost
//!
//! One pass of I3D per clip for each way of preparing its input: six clips of 64x64, prepared in both ways, took 4 s on
//! two cores. VideoMAE was not timed. For the distances see `frechet_distance`.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

const fn descriptor(id: &'static str, title: &'static str, lowest: Option<f64>) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "",
        direction: Direction::LowerIsBetter,
        range: (lowest, None),
        needs: Needs::ReferenceSet,
        aggregate: Aggregate::OfSet,
        nets: &["i3d-400"],
    }
}

/// What `fvd.cdfvd-i3d@1` says about itself.
pub const CDFVD_DESCRIPTOR: MetricDescriptor =
    descriptor("fvd.cdfvd-i3d@1", "Fréchet video distance, as in cd-fvd", Some(0.0));
/// What `fvd.cdfvd-videomae@1` says about itself.
pub const VIDEOMAE_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    nets: &["videomae-g"],
    ..descriptor("fvd.cdfvd-videomae@1", "Fréchet video distance with VideoMAE, as in cd-fvd", Some(0.0))
};
/// What `fvd.common-metrics@1` says about itself.
pub const COMMON_METRICS_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    nets: &["i3d-styleganv"],
    ..descriptor(
        "fvd.common-metrics@1",
        "Fréchet video distance, as in common_metrics_on_video_quality with styleganv",
        Some(0.0),
    )
};
/// What `fvd.styleganv@1` says about itself.
pub const STYLEGANV_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    nets: &["i3d-styleganv"],
    ..descriptor("fvd.styleganv@1", "Fréchet video distance, as in StyleGAN-V", Some(0.0))
};
/// What `fvd.videogpt@1` says about itself.
pub const VIDEOGPT_DESCRIPTOR: MetricDescriptor =
    descriptor("fvd.videogpt@1", "Fréchet video distance, as in VideoGPT", Some(0.0));
/// What `fvd_infinity.cdfvd-i3d@1` says about itself.
pub const INFINITY_DESCRIPTOR: MetricDescriptor =
    descriptor("fvd_infinity.cdfvd-i3d@1", "Fréchet video distance extrapolated to infinite sets", None);
/// What `kvd.cdfvd-i3d@1` says about itself.
pub const KVD_DESCRIPTOR: MetricDescriptor = descriptor("kvd.cdfvd-i3d@1", "kernel video distance", None);
