//! Joins several result files of one model: VBench writes a file for each evaluation, which often covers one dimension.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vidbench_analysis::vbench_total::{normalisations, out_of_range};
use vidbench_core::vbench::{Dimension, EvalResults, VbenchSuite};

/// The scores of all files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Joined {
    /// By dimension.
    pub scores: BTreeMap<Dimension, f64>,
    /// Number of videos of each dimension whose file lists them.
    pub videos: BTreeMap<Dimension, u64>,
}

/// Files that are not the results of one model in one suite.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JoinError {
    /// Two files give different scores for a dimension. VBench's script takes whichever it lists last.
    #[error("{dimension} is {} in {} and {} in {}", first.1, first.0.display(), second.1, second.0.display())]
    Conflict {
        /// The dimension.
        dimension: Dimension,
        /// A file and its score.
        first: (PathBuf, f64),
        /// The other.
        second: (PathBuf, f64),
    },
    /// Scores that no dimension can have.
    #[error("{} outside the range of a dimension:{}", count(.scores.len()), each(.scores))]
    OutOfRange {
        /// Each with its file.
        scores: Vec<(Dimension, f64, PathBuf)>,
    },
    /// A dimension of the other suite.
    #[error("{dimension} in {} is not a dimension of {}", file.display(), suite.words())]
    OtherSuite {
        /// The dimension.
        dimension: Dimension,
        /// The file it is in.
        file: PathBuf,
        /// The suite that was asked for.
        suite: VbenchSuite,
    },
}

fn count(scores: usize) -> String {
    if scores == 1 { "1 score is".into() } else { format!("{scores} scores are") }
}

fn each(scores: &[(Dimension, f64, PathBuf)]) -> String {
    scores
        .iter()
        .map(|(dimension, raw, file)| format!("\n  {dimension} is {raw} in {}", file.display()))
        .collect()
}

impl JoinError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Conflict { .. } => {
                vec!["pass the files of one model and one evaluation; VBench would silently use the last".into()]
            }
            Self::OutOfRange { .. } => vec![
                "scores range from 0 to 1, including imaging_quality; divide percentages by 100 in the file, vidbench rescales nothing"
                    .into(),
            ],
            Self::OtherSuite { suite: VbenchSuite::T2v, .. } => {
                vec!["add --suite i2v for VBench-I2V results".into()]
            }
            Self::OtherSuite { suite: VbenchSuite::I2v, .. } => {
                vec!["omit --suite i2v for text-to-video results".into()]
            }
        }
    }
}

/// Joins the results of one model.
///
/// # Errors
///
/// The first dimension that two files score differently, every score out of range, the first dimension of another suite.
pub fn join_results(suite: VbenchSuite, files: &[(PathBuf, EvalResults)]) -> Result<Joined, JoinError> {
    let mut joined = Joined::default();
    let mut origin: BTreeMap<Dimension, &Path> = BTreeMap::new();
    for (file, results) in files {
        for result in results.dimensions() {
            let dimension = result.dimension;
            if !belongs(suite, dimension) {
                return Err(JoinError::OtherSuite { dimension, file: file.clone(), suite });
            }
            let known = joined.scores.get(&dimension).zip(origin.get(&dimension));
            if let Some((&score, &first)) = known.filter(|(score, _)| **score != result.score) {
                let (first, second) = ((first.into(), score), (file.clone(), result.score));
                return Err(JoinError::Conflict { dimension, first, second });
            }
            joined.scores.insert(dimension, result.score);
            origin.entry(dimension).or_insert(file);
            joined.videos.extend(result.videos.as_ref().map(|videos| (dimension, videos.len() as u64)));
        }
    }
    let beyond = out_of_range(&joined.scores).into_iter();
    let named =
        beyond.filter_map(|(dimension, raw)| Some((dimension, raw, (*origin.get(&dimension)?).into())));
    let scores: Vec<(Dimension, f64, PathBuf)> = named.collect();
    if scores.is_empty() { Ok(joined) } else { Err(JoinError::OutOfRange { scores }) }
}

/// Whether a dimension belongs to a suite. VBench-I2V also measures temporal_flickering, but leaves it out of its
/// total.
fn belongs(suite: VbenchSuite, dimension: Dimension) -> bool {
    let known = normalisations(suite).iter().any(|row| row.dimension == dimension);
    known || (suite == VbenchSuite::I2v && dimension == Dimension::TemporalFlickering)
}
