//! Features that were computed in parts: joined by the key of their clip, so that the result does not show how they
//! were split.
//!
//! Rows are kept, not sums of them: floating-point sums depend on how they are split, and a matrix of features is small
//! beside the clips it came from. One pass is one shard.

use std::collections::BTreeMap;

use super::{FeatureError, FeatureMatrix};

/// Two shards have features of the same clip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two rows of features have the key {key}")]
pub struct DuplicateRow {
    /// The key, as text.
    pub key: String,
}

/// Features of some of the clips, each by its key: an index in a plan, a hash of a file, or anything else that is ordered
/// and the same wherever the clip is scored.
///
/// ```
/// use vidbench_metrics::FeatureShard;
///
/// let (mut here, mut there) = (FeatureShard::new(), FeatureShard::new());
/// here.insert(2, vec![0.5, 1.0]).unwrap();
/// there.insert(1, vec![0.0, 2.0]).unwrap();
/// here.merge(there).unwrap();
/// assert_eq!(here.matrix().unwrap().to_f64(), [0.0, 2.0, 0.5, 1.0]);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureShard<K> {
    rows: BTreeMap<K, Vec<f32>>,
}

impl<K: Ord + std::fmt::Debug> FeatureShard<K> {
    /// A shard without rows.
    pub fn new() -> Self {
        Self { rows: BTreeMap::new() }
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// Takes the features of one clip.
    ///
    /// # Errors
    ///
    /// [`DuplicateRow`]; the shard keeps the row it has.
    pub fn insert(&mut self, key: K, features: Vec<f32>) -> Result<(), DuplicateRow> {
        if self.rows.contains_key(&key) {
            return Err(DuplicateRow { key: format!("{key:?}") });
        }
        self.rows.insert(key, features);
        Ok(())
    }

    /// Takes all rows of another shard.
    ///
    /// # Errors
    ///
    /// [`DuplicateRow`] for the first key that both have; this shard keeps what it had, and may have taken rows before it.
    pub fn merge(&mut self, other: Self) -> Result<(), DuplicateRow> {
        other.rows.into_iter().try_for_each(|(key, features)| self.insert(key, features))
    }

    /// The rows in the order of their keys.
    ///
    /// # Errors
    ///
    /// As [`FeatureMatrix::from_rows`].
    pub fn matrix(&self) -> Result<FeatureMatrix, FeatureError> {
        FeatureMatrix::from_rows(self.rows.values().map(Vec::as_slice))
    }
}
