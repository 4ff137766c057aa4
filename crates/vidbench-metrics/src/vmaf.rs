//! `vmaf@1`: how good a clip looks next to its reference, as judged by a model of viewers' votes.
//!
//! # Definition
//!
//! VMAF with the model `vmaf_v0.6.1` that is built into libvmaf: it measures, on the luma of both clips as stored, the
//! detail that is kept (ADM), the visual information at four scales (VIF) and the motion of the reference. A support
//! vector regression fitted to viewers' votes turns these into one number per frame, clipped to [0, 100]. The value is
//! the mean over frames.
//!
//! # Range and direction
//!
//! [0, 100], higher is better. A clip compared with itself is near 100 but usually not quite there, because the first
//! frame has no motion.
//!
//! # Input
//!
//! Two clips of equal size and length that store luma of 8, 10, 12 or 16 bits, the same for both, both sides at least
//! 64 pixels; nothing is resized or cropped. Chroma is ignored.
//!
//! libvmaf 2 or 3 must be installed: vidbench loads the file that `VIDBENCH_LIBVMAF` names, else `libvmaf.so.3`,
//! `libvmaf.so.1` or `libvmaf.so` from the system's library folders; `vidbench doctor` shows which one is found.
//! Without libvmaf the score is not available, and a scoring that names no metrics leaves VMAF out. Once libvmaf is
//! installed, the next scoring computes the missing scores.
//!
//! # Reference
//!
//! Li et al., "Toward a practical perceptual video quality metric", Netflix Technology Blog, 2016; Netflix/vmaf 3.2.0
//! at commit f85a853, whose library computes it. Its test clips get the same scores here as there: 92.520903 (160x90,
//! 8 bit), 99.306703 (the same clip compared with itself), 82.564227 (576x324, 10 bit).
//!
//! # Differences
//!
//! None from libvmaf's own program with `--model version=vmaf_v0.6.1`. Versions of libvmaf differ from the third digit
//! on (2.3.1 gives 92.523448 for the first clip), so the record of a scoring names the version, and scores are stored
//! separately for each version. The model was fitted to compression and scaling of natural video seen from three times
//! its height. It says how much a quantised or distilled model changes the very same clip, not how good a generated
//! clip is.
//!
//! # Cost
//!
//! About 9 ms for a pair of 832x480, on one thread of libvmaf with AVX2; memory for a few frames.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};
use vidbench_video::Vmaf;

use crate::MetricError;
use crate::meter::{Measured, PairMeter, PairView};

/// What `vmaf@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vmaf@1",
    title: "quality relative to the reference, as predicted from viewers' ratings",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(0.0), Some(100.0)),
    needs: Needs::Pair,
    aggregate: Aggregate::ClipMean,
    nets: &[],
};

/// The metric, being computed. Its series begins at frame 0.
#[derive(Debug, Default)]
pub struct Meter {
    /// Created with the first frame, so that a clip that no libvmaf can compare needs no libvmaf.
    vmaf: Option<Vmaf>,
    error: Option<MetricError>,
}

impl Meter {
    fn add(&mut self, pair: &PairView<'_>) -> Result<(), MetricError> {
        let (reference, sample) = pair.planes()?;
        let vmaf = match self.vmaf.take() {
            Some(vmaf) => vmaf,
            None => Vmaf::new()?,
        };
        self.vmaf.insert(vmaf).push(&reference.luma, &sample.luma, sample.bit_depth)?;
        Ok(())
    }
}

impl PairMeter for Meter {
    fn push(&mut self, pair: &PairView<'_>) {
        if self.error.is_none() {
            self.error = self.add(pair).err();
        }
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let vmaf = self.vmaf.ok_or(MetricError::TooFewFrames { frames: 0, needed: 1 })?;
        let scores = vmaf.finish()?;
        let series = scores.frames.iter().map(|score| *score as f32).collect();
        Ok(Measured::with_series(scores.mean, 0, series))
    }
}
