//! Which metrics a scoring computes when it names none.

use vidbench_core::{Direction, MetricDescriptor, MetricId, Needs};
use vidbench_metrics::{DESCRIPTORS, vmaf, warping_error};

/// When a metric is computed in a scoring that names no metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByDefault {
    /// Always: it needs only the clips.
    Always,
    /// When references are named.
    WithReferences,
    /// When references are named and libvmaf is found.
    WithLibvmaf,
    /// Never: it needs more than clips, or costs many times as much as all the others together.
    Never,
}

impl ByDefault {
    /// The rule for a metric.
    pub fn of(metric: &MetricDescriptor) -> Self {
        if metric.id == warping_error::DESCRIPTOR.id || !metric.nets.is_empty() {
            return Self::Never;
        }
        match metric.needs {
            Needs::Clip => Self::Always,
            Needs::Pair if metric.id == vmaf::DESCRIPTOR.id => Self::WithLibvmaf,
            Needs::Pair => Self::WithReferences,
            Needs::ClipAndPrompt
            | Needs::ClipAndImage
            | Needs::Set
            | Needs::ReferenceSet
            | Needs::ClipSet
            | Needs::Features => Self::Never,
        }
    }

    /// A few words for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Always => "yes",
            Self::WithReferences => "with references",
            Self::WithLibvmaf => "with references and libvmaf",
            Self::Never => "no",
        }
    }

    fn holds(self, references: bool) -> bool {
        match self {
            Self::Always => true,
            Self::WithReferences => references,
            Self::WithLibvmaf => references && vidbench_video::libvmaf_version().is_ok(),
            Self::Never => false,
        }
    }
}

/// The metrics of a scoring that names none: those of pairs first, then those with a direction, then descriptive ones.
pub fn default_metrics(references: bool) -> Vec<MetricId> {
    let mut chosen: Vec<_> =
        DESCRIPTORS.iter().filter(|metric| ByDefault::of(metric).holds(references)).collect();
    chosen.sort_by_key(|metric| (metric.needs != Needs::Pair, metric.direction == Direction::Descriptive));
    chosen.into_iter().map(MetricDescriptor::metric_id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_much_or_needs_more_is_computed_only_by_name() {
        let of = |references| default_metrics(references).iter().map(ToString::to_string).collect::<Vec<_>>();
        let (alone, pairs) = (of(false), of(true));
        assert!(alone.contains(&"sharpness@1".into()) && !alone.contains(&"ssim@1".into()), "{alone:?}");
        assert!(pairs.contains(&"sharpness@1".into()) && pairs.contains(&"ssim@1".into()), "{pairs:?}");
        let vmaf = vidbench_video::libvmaf_version().is_ok();
        assert_eq!((alone.contains(&"vmaf@1".into()), pairs.contains(&"vmaf@1".into())), (false, vmaf));
        for never in
            ["warping_error.farneback@1", "shape_adherence@1", "frechet_shapes@1", "inception_score@1"]
        {
            assert!(!pairs.contains(&never.into()), "{never}");
        }
    }
}
