//! Mean and covariance of a set of features: all that Fréchet distances need from a reference, and small enough to pass
//! on.

use crate::FeatureMetricError;
use crate::features::FeatureMatrix;

/// Mean and covariance of a set, with the size of the set.
#[derive(Debug, Clone, PartialEq)]
pub struct SetMoments {
    rows: usize,
    clips: usize,
    mean: Vec<f64>,
    covariance: Vec<f64>,
}

impl SetMoments {
    /// The moments of features; the covariance of one row is 0.
    pub fn of(features: &FeatureMatrix) -> Self {
        let (n, d, values) = (features.count(), features.dims(), features.to_f64());
        let mut mean = vec![0.0; d];
        for row in values.chunks_exact(d) {
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / n as f64);
        }
        let mut covariance = vec![0.0; d * d];
        for row in values.chunks_exact(d) {
            let centred: Vec<f64> = row.iter().zip(&mean).map(|(value, mean)| value - mean).collect();
            for (sums, a) in covariance.chunks_exact_mut(d).zip(&centred) {
                sums.iter_mut().zip(&centred).for_each(|(sum, b)| *sum += a * b);
            }
        }
        let divisor = n.saturating_sub(1).max(1) as f64;
        covariance.iter_mut().for_each(|sum| *sum /= divisor);
        Self { rows: n, clips: features.clips(), mean, covariance }
    }

    /// From known moments of a set of `rows` rows and `clips` clips: the mean of d numbers, and the covariance, `d x
    /// d`, divided by N - 1.
    ///
    /// # Errors
    ///
    /// [`FeatureMetricError::NoMoments`] for moments that no set has.
    pub fn new(
        rows: usize,
        clips: usize,
        mean: Vec<f64>,
        covariance: Vec<f64>,
    ) -> Result<Self, FeatureMetricError> {
        let none = |reason: String| Err(FeatureMetricError::NoMoments { reason });
        let d = mean.len();
        if d == 0 || covariance.len() != d * d {
            return none(format!("a mean of {d} numbers and a covariance of {}", covariance.len()));
        }
        if clips == 0 || rows < clips {
            return none(format!("{rows} rows for {clips} clips"));
        }
        if !mean.iter().chain(&covariance).all(|value| value.is_finite()) {
            return none("a value is not finite".into());
        }
        let at = |i: usize, j: usize| covariance[i * d + j];
        let is_odd = |i: usize| at(i, i) < 0.0 || (0..i).any(|j| at(i, j) != at(j, i));
        match (0..d).find(|i| is_odd(*i)) {
            Some(i) => none(format!("row {i} of the covariance is asymmetric or has a negative variance")),
            None => Ok(Self { rows, clips, mean, covariance }),
        }
    }

    /// Rows of the set.
    pub fn count(&self) -> usize {
        self.rows
    }

    /// Clips of the set.
    pub fn clips(&self) -> usize {
        self.clips
    }

    /// Length of a row.
    pub fn dims(&self) -> usize {
        self.mean.len()
    }

    /// The mean, `d`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance, `d x d`, divided by N - 1.
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_numpys() {
        // numpy.mean(a, 0) and numpy.cov(a, rowvar=False) of [[1, 2], [3, 5], [8, 4]].
        let matrix = FeatureMatrix::f32(3, 2, vec![1.0, 2.0, 3.0, 5.0, 8.0, 4.0]).unwrap();
        let moments = SetMoments::of(&matrix);
        let near =
            |found: &[f64], wanted: &[f64]| found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-14);
        assert!(near(moments.mean(), &[4.0, 11.0 / 3.0]), "{moments:?}");
        assert!(near(moments.covariance(), &[13.0, 2.5, 2.5, 7.0 / 3.0]), "{moments:?}");
        assert_eq!((moments.count(), moments.clips(), moments.dims()), (3, 3, 2));
        let SetMoments { rows, clips, mean, covariance } = moments.clone();
        assert_eq!(SetMoments::new(rows, clips, mean, covariance), Ok(moments));
    }

    #[test]
    fn what_no_set_has_is_refused() {
        let refused = |rows, clips, mean: &[f64], covariance: &[f64]| {
            SetMoments::new(rows, clips, mean.to_vec(), covariance.to_vec()).unwrap_err().to_string()
        };
        assert!(refused(3, 3, &[], &[]).contains("a mean of 0 numbers"));
        assert!(refused(3, 3, &[0.0], &[1.0, 2.0]).contains("a covariance of 2"));
        assert!(refused(3, 4, &[0.0], &[1.0]).contains("3 rows for 4 clips"));
        assert!(refused(3, 3, &[f64::NAN], &[1.0]).contains("not finite"));
        assert!(refused(3, 3, &[0.0], &[-1.0]).contains("row 0"));
        assert!(refused(3, 3, &[0.0, 0.0], &[1.0, 0.5, 0.25, 1.0]).contains("row 1"));
    }
}
