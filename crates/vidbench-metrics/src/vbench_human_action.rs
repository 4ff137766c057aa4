//! `vbench.human_action@1`: whether the clip shows the action named in the prompt.
//!
//! # Definition
//!
//! UMT-L, trained on Kinetics-400, gives a number for each of 400 actions. The clip has 1 when the action of its prompt
//! has one of the five highest numbers and the sigmoid of that number, rounded to four places, is at least 0.85;
//! otherwise 0.
//!
//! # Range and direction
//!
//! 0 or 1, higher is better. The mean over clips is the share of clips that show their action.
//!
//! # Input
//!
//! The middle frame of each of sixteen equal parts: the shorter side resized to 256 with OpenCV's bilinear, then
//! cropped to the middle 224x224; ImageNet's mean and deviation. The action is the text after "person is " in the
//! prompt, and must be one of Kinetics-400's names.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at commit
//! 45e79ec, `human_action.py`; Li et al., "Unmasked Teacher", ICCV 2023.
//!
//! # Differences
//!
//! VBench reads the action from the file name, up to the first hyphen or underscore, and counts a clip as wrong if its
//! name holds none of Kinetics-400's actions. Here the action comes from the prompt, cut at the same characters, and a
//! clip without such an action has no score.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights, the action that VBench ranks fifth counts
//! and the one that it ranks sixth does not; the two are 0.08 apart. In colourful files, actions as close as that may
//! change places.
//!
//! # Cost
//!
//! One pass of UMT-L per clip; the clip is decoded twice. Not timed yet.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::ClipContext;

/// What `vbench.human_action@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vbench.human_action@1",
    title: "whether the clip shows the prompt's action (UMT), as in VBench",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(0.0), Some(1.0)),
    needs: Needs::ClipAndPrompt,
    aggregate: Aggregate::ClipMean,
    nets: &["umt-l16"],
};

/// The actions in the order of UMT's outputs, one per line.
const ACTIONS: &str = include_str!("../../../nets/kinetics-400.txt");
/// How many of the highest logits count.
const HIGHEST: usize = 5;
/// Least sigmoid.
const LEAST: f64 = 0.85;

/// From the logits of the clip, and the prompt.
pub(crate) fn measure(rows: &Rows, context: ClipContext<'_>) -> Result<Measured, MetricError> {
    let wanted = action(context.prompt.ok_or(MetricError::NoPrompt)?);
    let Some(wanted) = ACTIONS.lines().position(|known| known.to_lowercase() == wanted) else {
        return Err(MetricError::Unfit {
            reason: format!("the prompt's action {wanted:?} is not in Kinetics-400"),
        });
    };
    let mut order: Vec<usize> = (0..rows.values.len()).collect();
    order.sort_by(|a, b| rows.values[*b].total_cmp(&rows.values[*a]));
    let found = order.iter().take(HIGHEST).any(|at| *at == wanted && sigmoid(rows.values[*at]) >= LEAST);
    Ok(Measured::value(f64::from(u8::from(found))))
}

/// What VBench takes as the action.
fn action(prompt: &str) -> String {
    let lower = prompt.to_lowercase();
    let before_hyphen = lower.split('-').next().unwrap_or_default();
    let behind = before_hyphen.rsplit("person is ").next().unwrap_or_default();
    behind.split('_').next().unwrap_or_default().to_owned()
}

/// Rounded to four places, as VBench does.
fn sigmoid(logit: f32) -> f64 {
    let value = 1.0 / (1.0 + f64::from(-logit).exp());
    (value * 1e4).round_ties_even() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::NoNets;

    fn score(logits: &[(usize, f32)], prompt: &str) -> Result<f64, MetricError> {
        let mut values = vec![-9.0; 400];
        logits.iter().for_each(|(at, logit)| values[*at] = *logit);
        let context =
            ClipContext { width: 1, height: 1, frames: 16, fps: None, prompt: Some(prompt), nets: &NoNets };
        measure(&Rows::new(400, values), context).map(|measured| measured.value)
    }

    #[test]
    fn an_action_counts_when_it_is_among_the_five_highest_and_sure() {
        // 1.735 has a sigmoid of 0.85003.
        assert_eq!(score(&[(0, 1.735)], "A person is riding a bike"), Ok(1.0));
        assert_eq!(score(&[(0, 1.73)], "A person is riding a bike"), Ok(0.0));
        let five: Vec<(usize, f32)> = (1..6).map(|at| (at, 5.0)).chain([(0, 4.0)]).collect();
        assert_eq!(score(&five, "A person is riding a bike"), Ok(0.0));
    }

    #[test]
    fn an_action_that_is_unknown_has_no_score() {
        let error = score(&[], "A dog runs").unwrap_err().to_string();
        assert_eq!(error, "the prompt's action \"a dog runs\" is not in Kinetics-400");
        assert_eq!(ACTIONS.lines().count(), 400);
    }
}
