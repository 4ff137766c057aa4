//! Turns the values of clips into one number. Each aggregate has one definition, whatever calls it and however the work
//! was shared out.

use vidbench_core::{Aggregate, MetricScore, Score};

use crate::stats::{Interval, mean, mean_interval, pairwise_sum};

/// A value and how much it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighted {
    /// The value.
    pub value: f64,
    /// How much it counts beside others; above 0.
    pub weight: f64,
}

/// The reason given when a clip cannot be weighed by its number of frames.
const NO_SERIES: &str = "its per-frame values, by which clips are weighted, were not recorded";

/// The value of a clip with its weight.
///
/// # Errors
///
/// Why the clip does not count.
pub fn weigh(aggregate: Aggregate, score: &MetricScore) -> Result<Weighted, &str> {
    let value = match &score.score {
        Score::Value(value) => *value,
        Score::NotAvailable { reason } => return Err(reason),
    };
    let weight = match aggregate {
        Aggregate::ClipMean | Aggregate::OfSet => 1.0,
        Aggregate::FrameMean => {
            let frames = score.series.as_ref().map_or(0, |series| series.values.len());
            if frames == 0 {
                return Err(NO_SERIES);
            }
            frames as f64
        }
    };
    Ok(Weighted { value, weight })
}

/// The weighted mean; `None` for an empty slice. With equal weights it is the arithmetic mean, to the last bit.
pub fn weighted_mean(values: &[Weighted]) -> Option<f64> {
    if are_equal(values) {
        return mean(&values.iter().map(|one| one.value).collect::<Vec<_>>());
    }
    let products: Vec<f64> = values.iter().map(|one| one.weight * one.value).collect();
    Some(pairwise_sum(&products) / total(values))
}

/// 95 % interval of the mean by Student's t; `None` for fewer than two values.
///
/// A weighted mean is a ratio of two sums. To first order its error is that of the mean of `R + w (x - R) / mean(w)`
/// (Cochran 1977, "Sampling Techniques", 6.4). With equal weights it is [`mean_interval`].
pub fn weighted_interval(values: &[Weighted]) -> Option<Interval> {
    if are_equal(values) {
        return mean_interval(&values.iter().map(|one| one.value).collect::<Vec<_>>());
    }
    let (ratio, weight) = (weighted_mean(values)?, total(values) / values.len() as f64);
    let linear = |one: &Weighted| ratio + one.weight / weight * (one.value - ratio);
    mean_interval(&values.iter().map(linear).collect::<Vec<_>>())
}

fn are_equal(values: &[Weighted]) -> bool {
    values.windows(2).all(|pair| pair[0].weight == pair[1].weight)
}

fn total(values: &[Weighted]) -> f64 {
    pairwise_sum(&values.iter().map(|one| one.weight).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use vidbench_core::{MetricId, Series};

    use super::*;

    fn score(value: f64, frames: Option<usize>) -> MetricScore {
        let series = frames.map(|frames| Series { first_frame: 1, values: vec![value as f32; frames] });
        MetricScore { metric: MetricId::new("m@1").unwrap(), score: Score::Value(value), series, note: None }
    }

    fn of(aggregate: Aggregate, clips: &[(f64, usize)]) -> Vec<Weighted> {
        let weigh = |(value, frames): &(f64, usize)| weigh(aggregate, &score(*value, Some(*frames))).unwrap();
        clips.iter().map(weigh).collect()
    }

    /// VBench's subject_consistency: on one GPU the sum over all frames of all clips divided by their number; on
    /// several GPUs the mean over clips.
    #[test]
    fn a_longer_clip_counts_for_more_only_where_frames_are_counted() {
        let clips = [(0.9, 48), (0.6, 16)];
        let frames = weighted_mean(&of(Aggregate::FrameMean, &clips)).unwrap();
        assert!((frames - (0.9 * 48.0 + 0.6 * 16.0) / 64.0).abs() < 1e-15);
        assert_eq!(weighted_mean(&of(Aggregate::ClipMean, &clips)), Some(0.75));
        assert_eq!(weighted_mean(&[]), None);
    }

    #[test]
    fn clips_of_one_length_are_weighed_alike_to_the_last_bit() {
        let clips = [(0.1, 7), (0.2, 7), (0.4, 7)];
        let (frames, alike) = (of(Aggregate::FrameMean, &clips), of(Aggregate::ClipMean, &clips));
        assert_eq!(weighted_mean(&frames), weighted_mean(&alike));
        assert_eq!(weighted_interval(&frames), weighted_interval(&alike));
    }

    /// numpy 2.4.6 and scipy 1.17.1: r = (w*x).sum()/w.sum(); e = w*(x-r)/w.mean(); r +- t.ppf(.975, 3)*e.std(ddof=1)/2.
    #[test]
    fn the_interval_of_a_ratio_is_cochrans() {
        let values = of(Aggregate::FrameMean, &[(0.9, 48), (0.6, 16), (0.8, 32), (0.7, 80)]);
        let interval = weighted_interval(&values).unwrap();
        let ratio = weighted_mean(&values).unwrap();
        assert!((ratio - 0.763_636_363_636_363_6).abs() < 1e-15, "{ratio}");
        assert!(
            (interval.low - 0.580_457_048_797_586).abs() < 1e-12
                && (interval.high - 0.946_815_678_475_141_4).abs() < 1e-12,
            "{interval:?}"
        );
    }

    #[test]
    fn a_clip_of_unknown_length_is_not_counted_by_its_frames() {
        assert!(weigh(Aggregate::FrameMean, &score(0.5, None)).unwrap_err().contains("per-frame"));
        assert_eq!(weigh(Aggregate::ClipMean, &score(0.5, None)), Ok(Weighted { value: 0.5, weight: 1.0 }));
    }
}
