//! What can be asked of a model, and its defaults.

use serde::{Deserialize, Serialize};

/// A model's own defaults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Number of frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u32>,
    /// Frames a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
    /// Denoising steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Guidance scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guidance: Option<f64>,
}

impl Defaults {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Rules of a pipeline class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constraints {
    /// Width and height must be multiples of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_multiple: Option<u32>,
    /// The number of frames must be a multiple of this, plus `frames_offset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_step: Option<u32>,
    /// See `frames_step`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_offset: Option<u32>,
    /// Fewest frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_min: Option<u32>,
    /// Most frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_max: Option<u32>,
}

impl Constraints {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Describes a broken rule with the nearest valid values; `None` when every given value obeys the rules.
    pub fn problem(&self, frames: Option<u32>, size: Option<(u32, u32)>) -> Option<String> {
        self.length_problem(frames)
            .or_else(|| self.frames_problem(frames))
            .or_else(|| self.size_problem(size))
    }

    fn length_problem(&self, frames: Option<u32>) -> Option<String> {
        let frames = frames?;
        let few = self.frames_min.filter(|&least| frames < least);
        let many = self.frames_max.filter(|&most| frames > most);
        let too_few = few.map(|least| format!("{frames} frames are too few: at least {least}"));
        too_few.or_else(|| many.map(|most| format!("{frames} frames are too many: at most {most}")))
    }

    fn frames_problem(&self, frames: Option<u32>) -> Option<String> {
        let (frames, step) = (frames?, self.frames_step?);
        let offset = self.frames_offset.unwrap_or(0);
        let rule = || if offset == 0 { format!("{step}k") } else { format!("{step}k+{offset}") };
        let near = nearest_valid(frames, step, offset)?;
        Some(format!("{frames} frames are not {}: nearest are {near}", rule()))
    }

    fn size_problem(&self, size: Option<(u32, u32)>) -> Option<String> {
        let (sides, multiple) = (size?, self.size_multiple?);
        let names = [("width", sides.0), ("height", sides.1)];
        names.into_iter().find_map(|(name, side)| {
            let near = nearest_valid(side, multiple, 0)?;
            Some(format!("{name} {side} is not a multiple of {multiple}: nearest are {near}"))
        })
    }
}

/// The nearest valid values when `value` is not a multiple of `step` plus `offset`; `None` when it is.
fn nearest_valid(value: u32, step: u32, offset: u32) -> Option<String> {
    let Some(above) = value.checked_sub(offset) else { return Some(format!("{} and up", offset.max(1))) };
    let below = value - above.checked_rem(step)?;
    if below == value {
        return None;
    }
    let up = below.saturating_add(step);
    Some(if below == 0 { up.to_string() } else { format!("{below} and {up}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Constraints = Constraints {
        size_multiple: None,
        frames_step: None,
        frames_offset: None,
        frames_min: None,
        frames_max: None,
    };
    const WAN: Constraints =
        Constraints { size_multiple: Some(16), frames_step: Some(4), frames_offset: Some(1), ..NONE };

    #[test]
    fn values_that_keep_the_rules_are_no_problem() {
        for frames in [1, 5, 81] {
            assert_eq!(WAN.problem(Some(frames), Some((832, 480))), None);
        }
        assert_eq!(Constraints::default().problem(Some(2), Some((1, 1))), None);
    }

    #[test]
    fn the_nearest_values_are_named() {
        let problem = |frames, size| WAN.problem(Some(frames), Some(size)).unwrap();
        assert_eq!(problem(80, (832, 480)), "80 frames are not 4k+1: nearest are 77 and 81");
        assert_eq!(problem(0, (832, 480)), "0 frames are not 4k+1: nearest are 1 and up");
        assert_eq!(problem(81, (850, 480)), "width 850 is not a multiple of 16: nearest are 848 and 864");
        assert_eq!(problem(81, (832, 7)), "height 7 is not a multiple of 16: nearest are 16");
    }

    #[test]
    fn the_least_and_the_most_frames_are_named() {
        let rules = Constraints { frames_min: Some(124), frames_max: Some(345), ..NONE };
        let problem = |frames| rules.problem(Some(frames), None);
        assert_eq!((problem(124), problem(345), rules.problem(None, None)), (None, None, None));
        assert_eq!(problem(123).unwrap(), "123 frames are too few: at least 124");
        assert_eq!(problem(346).unwrap(), "346 frames are too many: at most 345");
    }
}
