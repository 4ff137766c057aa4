//! `fvd.cdfvd-i3d@1`, `fvd.cdfvd-videomae@1`, `fvd.common-metrics@1`, `fvd.styleganv@1`, `fvd.videogpt@1`, `kvd.cdfvd-i3d@1`, `fvd_infinity.cdfvd-i3d@1`: how far a set of clips is from a reference set, to a net.
//!
//! # Definition
//!
//! I3D, trained on Kinetics-400, gives 400 numbers of each clip's first 16 frames: its logits, averaged over time; VideoMAE v2 ViT-g, trained on
//! Something-Something, gives 1,408: the mean of its tokens after their norm. Of these, `fvd` is the
//! Fréchet distance, `kvd` the squared maximum mean discrepancy under a cubic kernel, and `fvd_infinity` the Fréchet distance that is
//! expected of endless sets (see `frechet_distance`, `kernel_distance`, `frechet_infinity`). Covariances are divided by N in
//! `fvd.cdfvd-i3d`, `fvd.cdfvd-videomae` and `fvd.styleganv`, by N - 1 in the others.
//!
//! `fvd.common-metrics` and `fvd.styleganv` look through the I3D of StyleGAN-V, the same training in another file, whose batch norms have an epsilon of 1e-3
//! instead of 1e-5: with the same numbers its features differ by 1 %.
//!
//! # Range and direction
//!
//! 0 and up for `fvd`; `kvd` and `fvd_infinity` may lie a little below 0. Lower is better. A distance depends on the number of clips: two
//! samples of 256 clips of the same distribution are hundreds apart. Compare equal N only.
//!
//! # Input
//!
//! Clips of at least 16 frames; further frames are not looked at. `cdfvd-i3d`: the shorter side to 256, bilinear, antialiased; the middle; cut
//! off to bytes; squashed to 224x224, bilinear, no antialias. `cdfvd-videomae`: the same, in [0, 1] and without any mean or deviation. `videogpt`: the shorter side to 224, bilinear, no antialias; the middle. `common-metrics`: as `videogpt`. `styleganv`: squashed to
//! 224x224, bilinear, no antialias.
//!
//! # Reference
//!
//! Unterthiner et al., "Towards Accurate Generative Models of Video: A New Metric & Challenges", 2018; Ge et al., "On the Content Bias in Fréchet
//! Video Distance", CVPR 2024, package `cd-fvd` 0.1.1; Yan et al., "VideoGPT", 2021; Skorokhodov et al., "StyleGAN-V", CVPR 2022, `fvd2048_16f` at 3fecd69; common_metrics_on_video_quality at 5f75173,
//! `method="styleganv"`. Weights: `i3d_pretrained_400.pt`, `vit_g_hybrid_pt_1200e_ssv2_ft.pth` and `i3d_torchscript.pt`.
//!
//! # Differences
//!
//! cd-fvd takes 16 frames from a random place of each clip, and draws clips twice where a folder has fewer than 2,048; here it is the first 16
//! of each clip once. StyleGAN-V takes 16 from a random place of real clips and 2,048 clips of each kind; common_metrics takes all frames of a clip.
//!
//! The file of StyleGAN-V was never at hand: the names of its tensors are inferred from kinetics_i3d_pytorch, and if they are others it is refused when it
//! is fetched. How it resizes within itself is inferred, too, which `fvd.styleganv` rests on for frames of other than 224x224; `fvd.common-metrics` does not.
//! `vidbench metrics selftest` computes two published distances with it.
//!
//! Programs that decode with decord, OpenCV or PyAV see other colours of 4:2:0 video: swscale's quick conversion repeats chroma and is
//! about a level too dark, here chroma is interpolated unless `--pixels swscale` asks for theirs. On the same frames, with the same
//! random weights, features of I3D and of VideoMAE agree with cd-fvd's to 2e-6 of the largest and the distances to 1e-6 of themselves;
//! of the same colourful clips in H.264 features differ by 3 % and so does the distance, of two sets of five other clips the distance
//! of I3D's by 1.8 %. Of fewer clips than dimensions cd-fvd's root of a singular matrix is itself off by 4e-5 of the distance.
//!
//! # Cost
//!
//! One pass of I3D a clip and way to feed it: six clips of 64x64, fed in both ways, took 4 s on two cores. VideoMAE was not timed. For the
//! distances see `frechet_distance`.

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
    descriptor("fvd.cdfvd-i3d@1", "Fréchet video distance, as cd-fvd has it", Some(0.0));
/// What `fvd.cdfvd-videomae@1` says about itself.
pub const VIDEOMAE_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    nets: &["videomae-g"],
    ..descriptor("fvd.cdfvd-videomae@1", "Fréchet video distance to VideoMAE, as cd-fvd has it", Some(0.0))
};
/// What `fvd.common-metrics@1` says about itself.
pub const COMMON_METRICS_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    nets: &["i3d-styleganv"],
    ..descriptor(
        "fvd.common-metrics@1",
        "Fréchet video distance, as common_metrics_on_video_quality has it with styleganv",
        Some(0.0),
    )
};
/// What `fvd.styleganv@1` says about itself.
pub const STYLEGANV_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    nets: &["i3d-styleganv"],
    ..descriptor("fvd.styleganv@1", "Fréchet video distance, as StyleGAN-V has it", Some(0.0))
};
/// What `fvd.videogpt@1` says about itself.
pub const VIDEOGPT_DESCRIPTOR: MetricDescriptor =
    descriptor("fvd.videogpt@1", "Fréchet video distance, as VideoGPT has it", Some(0.0));
/// What `fvd_infinity.cdfvd-i3d@1` says about itself.
pub const INFINITY_DESCRIPTOR: MetricDescriptor =
    descriptor("fvd_infinity.cdfvd-i3d@1", "Fréchet video distance of endless sets", None);
/// What `kvd.cdfvd-i3d@1` says about itself.
pub const KVD_DESCRIPTOR: MetricDescriptor = descriptor("kvd.cdfvd-i3d@1", "kernel video distance", None);
