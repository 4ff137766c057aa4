//! `vbench_i2v.i2v_subject@1`: whether the subject of the input image stays the same in the clip, as seen by DINO.
//!
//! # Definition
//!
//! `f[t]` is the output of DINO ViT-B/16 (its class token) for frame t, and g its output for the image that the clip
//! was made from. Cosines below 0 count as 0:
//!
//! `0.4 max over t of cos(g, f[t]) + 0.3 mean over t >= 1 of cos(f[t-1], f[t]) + 0.3 min over t >= 1 of cos(f[t-1], f[t])`
//!
//! # Range and direction
//!
//! [0, 1], higher is better. A single frame that equals the image is enough to give the first term its maximum; a clip
//! that stands still on the image has 1.
//!
//! # Input
//!
//! All frames, at least two, and the image: key `image` of a manifest, or `score --images DIR` with images named by
//! their prompts. The shorter side of each frame is resized to 256, bicubic (a = -0.5), antialiased, not rounded; then
//! the middle 224x224 is cut out. The image is prepared in the same way, but with Pillow's bicubic, rounded. ImageNet's
//! mean and deviation are applied to both. VBench-I2V expects images already cropped to the aspect ratio of the clip
//! (`data/crop`): supply those.
//!
//! # Reference
//!
//! Huang et al., "VBench++: Comprehensive and Versatile Benchmark Suite for Video Generative Models", 2024; Vchitect/VBench at commit
//! 45e79ec, `vbench2_beta_i2v/i2v_subject.py`.
//!
//! # Differences
//!
//! VBench-I2V leaves antialiasing to torchvision, which did not antialias frames before version 0.17; here frames are
//! always antialiased. Pillow and libav interpolate the chroma of JPEG images in slightly different ways.
//!
//! VBench-I2V has two more dimensions of its own, neither of which is built or available here yet. `i2v_background`
//! needs DreamSim and `camera_motion` tracks points with CoTracker; neither net is included here.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames the numbers agree to 1e-5; for colourful files they may differ by a few
//! percent.
//!
//! # Cost
//!
//! One pass of DINO at 224x224 per frame; not timed yet.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::cosine;

/// What `vbench_i2v.i2v_subject@1` says about itself.
pub const SUBJECT_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vbench_i2v.i2v_subject@1",
    title: "similarity of frames to the image and to each other (DINO), as in VBench-I2V",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(0.0), Some(1.0)),
    needs: Needs::ClipAndImage,
    aggregate: Aggregate::ClipMean,
    nets: &["dino-vitb16"],
};

/// Weights of the frame most like the image, and of the mean and least likeness of neighbours; `i2v_subject.py`.
const LIKEST: f64 = 0.4;
const MEAN: f64 = 0.3;
const LEAST: f64 = 0.3;

/// From the row of the image and a row per frame.
pub(crate) fn measure(rows: &Rows) -> Result<Measured, MetricError> {
    let all: Vec<&[f32]> = rows.iter().collect();
    let Some((image, frames)) = all.split_first().filter(|(_, frames)| frames.len() > 1) else {
        return Err(MetricError::TooFewFrames { frames: rows.count().saturating_sub(1), needed: 2 });
    };
    let likest = frames.iter().map(|frame| cosine(image, frame).max(0.0)).fold(0.0, f64::max);
    let neighbours: Vec<f64> = frames.windows(2).map(|pair| cosine(pair[0], pair[1]).max(0.0)).collect();
    let mean = neighbours.iter().sum::<f64>() / neighbours.len() as f64;
    let least = neighbours.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(Measured::value(LIKEST * likest + MEAN * mean + LEAST * least))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32]) -> Result<f64, MetricError> {
        measure(&Rows::new(2, values.to_vec())).map(|measured| measured.value)
    }

    #[test]
    fn the_likest_frame_and_all_neighbours_count() {
        let half = 0.5_f64.sqrt();
        // Image along x; frames at 45, 45 and 90 degrees.
        let found = of(&[2.0, 0.0, 1.0, 1.0, 3.0, 3.0, 0.0, 1.0]).unwrap();
        let wanted = 0.4 * half + 0.3 * (1.0 + half) / 2.0 + 0.3 * half;
        assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
    }

    #[test]
    fn a_clip_that_stands_still_on_its_image_is_perfect_and_one_frame_is_none() {
        assert!((of(&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(of(&[1.0, 2.0, 1.0, 2.0]), Err(MetricError::TooFewFrames { frames: 1, needed: 2 }));
        assert_eq!(of(&[1.0, 0.0, -1.0, 0.0, 1.0, 0.0]).unwrap(), 0.4);
    }
}
