//! Bootstrap intervals of set metrics: how far a value would move with another draw of the same number of clips.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

use crate::SetOptions;
use crate::features::FeatureMatrix;

/// How many resamples make an interval.
pub const RESAMPLES: usize = 200;

/// Share of the distribution that an interval holds.
pub const CONFIDENCE: f64 = 0.95;

/// Draws `n` of `n` clips with replacement, `count` times, and gives how often each was drawn. The same seed gives the
/// same draws, however many there are.
pub(crate) fn resamples(count: usize, n: usize, seed: u64) -> impl Iterator<Item = Vec<u32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(move |_| {
        let mut times = vec![0; n];
        for _ in 0..n {
            let drawn = below(&mut rng, n);
            times.iter_mut().skip(drawn).take(1).for_each(|times| *times += 1);
        }
        times
    })
}

/// Draws the clips of `features` and gives how often each row was drawn. The rows of a clip are drawn together, because
/// they are not independent samples.
pub(crate) fn clip_resamples<'a>(
    features: &'a FeatureMatrix,
    options: &SetOptions,
) -> impl Iterator<Item = Vec<u32>> + 'a {
    let draws = resamples(options.resamples, features.clips(), options.bootstrap_seed);
    draws.map(move |times| match features.rows_of_clips() {
        None => times,
        Some(rows) => {
            times.iter().zip(rows).flat_map(|(times, rows)| std::iter::repeat_n(*times, *rows)).collect()
        }
    })
}

/// The means of resamples of `values`.
pub(crate) fn resampled_means(values: &[f64], options: &SetOptions) -> Vec<f64> {
    let mean = |times: Vec<u32>| {
        let sum: f64 = values.iter().zip(times).map(|(value, times)| f64::from(times) * value).sum();
        sum / values.len() as f64
    };
    resamples(options.resamples, values.len(), options.bootstrap_seed).map(mean).collect()
}

/// Draws `size` clips, without replacement, from those that `times` counts; gives how often each was drawn.
pub(crate) fn subset(rng: &mut ChaCha8Rng, times: &[u32], size: usize) -> Vec<u32> {
    let counted = times.iter().enumerate();
    let mut clips: Vec<usize> =
        counted.flat_map(|(clip, &times)| std::iter::repeat_n(clip, times as usize)).collect();
    shuffle_start(rng, &mut clips, size);
    let mut drawn = vec![0; times.len()];
    for &clip in clips.iter().take(size) {
        drawn.iter_mut().skip(clip).take(1).for_each(|times| *times += 1);
    }
    drawn
}

/// The numbers below `n` in an order that depends only on the seed.
pub(crate) fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..n).collect();
    shuffle_start(&mut ChaCha8Rng::seed_from_u64(seed), &mut numbers, n);
    numbers
}

/// Fisher-Yates shuffle from the front: the first `size` items become a random draw.
fn shuffle_start(rng: &mut ChaCha8Rng, items: &mut [usize], size: usize) {
    for at in 0..size.min(items.len()) {
        items.swap(at, at + below(rng, items.len() - at));
    }
}

/// A number in 0..n; the bias of taking the high word is below n / 2^64.
fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// The percentile interval of `resampled`, moved so that the mean of `resampled` lies on `value`.
///
/// A resample repeats clips, so a distance computed from it is biased upwards a second time, beyond the bias that
/// `value` has for its number of clips; the plain percentile interval would lie above its own value. `None` without
/// resamples.
pub(crate) fn centred_interval(value: f64, mut resampled: Vec<f64>) -> Option<(f64, f64)> {
    let mean = resampled.iter().sum::<f64>() / resampled.len() as f64;
    resampled.sort_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let bound = |share| quantile(&resampled, share).map(|bound| bound - mean + value);
    bound(tail).zip(bound(1.0 - tail))
}

/// Linear interpolation between the two values around `share` of the way (Hyndman and Fan 1996, definition 7).
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = share * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted.get(at.floor() as usize)?, sorted.get(at.ceil() as usize)?);
    Some(low + (high - low) * at.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert_eq!(quantile(&sorted, 0.0), Some(1.0));
        assert_eq!(quantile(&sorted, 0.5), Some(4.0));
        assert_eq!(quantile(&sorted, 0.875), Some(12.0));
        assert_eq!(quantile(&sorted, 1.0), Some(16.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn an_interval_keeps_its_width_and_moves_to_its_value() {
        let resampled: Vec<f64> = (0..=200).map(|i| f64::from(i) + 50.0).collect();
        let (low, high) = centred_interval(10.0, resampled).unwrap();
        assert!((low - (10.0 - 95.0)).abs() < 1e-9, "{low}");
        assert!((high - (10.0 + 95.0)).abs() < 1e-9, "{high}");
    }

    #[test]
    fn a_resample_draws_as_many_clips_as_there_are() {
        let draws: Vec<Vec<u32>> = resamples(RESAMPLES, 50, 7).collect();
        assert_eq!(draws.len(), RESAMPLES);
        assert!(draws.iter().all(|times| times.iter().sum::<u32>() == 50));
        let never: usize = draws.iter().map(|times| times.iter().filter(|times| **times == 0).count()).sum();
        let share = never as f64 / (50 * RESAMPLES) as f64;
        // A share of (1 - 1/50)^50 = 0.364 of the clips is left out of a resample.
        assert!((share - 0.364).abs() < 0.01, "{share}");
    }

    #[test]
    fn the_rows_of_a_clip_are_drawn_together() {
        let features = FeatureMatrix::f32(6, 1, vec![0.0; 6]).unwrap().of_clips(vec![1, 3, 2]).unwrap();
        let options = SetOptions { resamples: 20, bootstrap_seed: 7 };
        let clips: Vec<Vec<u32>> = resamples(20, 3, 7).collect();
        for (rows, clips) in clip_resamples(&features, &options).zip(&clips) {
            assert_eq!(rows, [clips[0], clips[1], clips[1], clips[1], clips[2], clips[2]]);
        }
    }

    #[test]
    fn draws_follow_from_the_seed() {
        let draws = |seed| resamples(RESAMPLES, 20, seed).collect::<Vec<_>>();
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        assert_eq!(resamples(3, 20, 1).collect::<Vec<_>>(), draws(1)[..3]);
    }

    #[test]
    fn a_subset_has_its_size_and_no_clip_more_often_than_there_is() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let times = [1, 0, 3, 2, 1];
        for size in 0..=7 {
            let drawn = subset(&mut rng, &times, size);
            assert_eq!(drawn.iter().sum::<u32>() as usize, size);
            assert!(drawn.iter().zip(times).all(|(drawn, times)| *drawn <= times), "{drawn:?}");
        }
        let often: u32 = (0..3000).map(|_| subset(&mut rng, &[1; 10], 3)[4]).sum();
        assert!((800..1000).contains(&often), "{often} of 3000, 900 are expected");
    }

    #[test]
    fn a_shuffle_has_every_number_once() {
        let mut numbers = shuffled(100, 5);
        assert_ne!(numbers[..5], [0, 1, 2, 3, 4]);
        numbers.sort();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    }
}
