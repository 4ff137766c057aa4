//! `vbench.appearance_style@1`: whether the frames have the style that the prompt asks for, as seen by CLIP.
//!
//! # Definition
//!
//! `mean over t of cos(f[t], s)`, where `f[t]` is the CLIP ViT-B/32 embedding of frame t and s that of the style alone,
//! such as "oil painting".
//!
//! The value over several clips is the mean over the frames of all of them, so that a longer clip counts for more.
//!
//! # Range and direction
//!
//! [-1, 1], higher is better. VBench's totals take 0.0009 as the minimum and 0.2855 as the maximum.
//!
//! # Input
//!
//! All frames, and the prompt, which ends in one of the nine styles of VBench's suite: "Van Gogh style", "oil
//! painting", "by Hokusai, in the style of Ukiyo", "black and white", "pixel art", "in cyberpunk style", "animated
//! style", "watercolor painting", "surrealism style". CLIP's own preprocessing: the shorter side resized to 224 with
//! Pillow's bicubic, antialiased and rounded; then cropped to the middle square; CLIP's mean and deviation.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at commit
//! 45e79ec, `appearance_style.py`.
//!
//! # Differences
//!
//! VBench reads the style from `auxiliary_info` of its suite. In all 90 entries the style is the end of the prompt;
//! here a prompt that ends in none of the styles has no score. The mean over clips is VBench's on one GPU; on several
//! GPUs VBench averages only the last frames of clips, which is a bug in that program and is not reproduced here.
//! VBench multiplies by CLIP's trained scale and divides by 100; that scale equals 100 to seven digits. On GPUs VBench
//! runs CLIP in 16-bit floats.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights, the numbers agree with VBench's to 6e-8; on
//! three colourful H.264 clips they differ by 0.0009 on average and at most 0.0019, on a grey one by 0.0016.
//!
//! # Cost
//!
//! The same as `clipsim`; no extra cost when both are computed, because they share one set of CLIP embeddings of the
//! frames.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::clipsim::cosines_to_text;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::ClipContext;

/// What `vbench.appearance_style@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vbench.appearance_style@1",
    title: "similarity of frames and the prompt's style (CLIP), as in VBench",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(-1.0), Some(1.0)),
    needs: Needs::ClipAndPrompt,
    aggregate: Aggregate::FrameMean,
    nets: &["clip-vit-b32-vision", "clip-vit-b32-text"],
};

/// The styles of VBench's suite; each ends ten of its prompts.
const STYLES: [&str; 9] = [
    "Van Gogh style",
    "oil painting",
    "by Hokusai, in the style of Ukiyo",
    "black and white",
    "pixel art",
    "in cyberpunk style",
    "animated style",
    "watercolor painting",
    "surrealism style",
];

/// From one row per frame, and the prompt.
pub(crate) fn measure(rows: &Rows, context: ClipContext<'_>) -> Result<Measured, MetricError> {
    cosines_to_text(rows, style(context.prompt.ok_or(MetricError::NoPrompt)?)?, context.nets)
}

fn style(prompt: &str) -> Result<&'static str, MetricError> {
    let found = STYLES.into_iter().find(|style| prompt.ends_with(style));
    found.ok_or_else(|| MetricError::Unfit {
        reason: format!(
            "the prompt {prompt:?} does not end in one of VBench's styles: {}",
            STYLES.join("; ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_is_what_the_prompt_ends_in() {
        let prompt =
            "A beautiful coastal beach in spring, waves lapping on sand, by Hokusai, in the style of Ukiyo";
        assert_eq!(style(prompt), Ok("by Hokusai, in the style of Ukiyo"));
        assert_eq!(style("The bund Shanghai, oil painting"), Ok("oil painting"));
        let error = style("an oil painting of a dog").unwrap_err().to_string();
        assert!(error.starts_with(
            "the prompt \"an oil painting of a dog\" does not end in one of VBench's styles: Van"
        ));
    }
}
