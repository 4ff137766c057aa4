//! `*_eval_results.json`: VBench's measurements, by dimension.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value, json};

use super::error::{VbenchErrors, VbenchProblemKind as Kind};
use super::node::{Node, Problems, into_map, join, whole_file};
use super::{Dimension, write};
use crate::toml_check::nearest;

/// The results of some dimensions, in the order of the file; at least one, and none twice.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalResults {
    dimensions: Vec<DimensionResult>,
}

/// One dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct DimensionResult {
    /// Which.
    pub dimension: Dimension,
    /// The number that enters the total, finite. VBench gives shares from 0 to 1 and cosines; nothing is scaled here.
    pub score: f64,
    /// What each video contributed; `None` where the file has only the number, as submissions to the leaderboard may.
    pub videos: Option<Vec<VideoResult>>,
}

/// One video of a dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoResult {
    /// Its path, as VBench was given it.
    pub video_path: String,
    /// Its own result, as written: a number in the unit of the dimension (0 to 100 for imaging_quality), or true or false.
    pub video_results: Value,
    /// Everything else that VBench records about it, such as `frame_results`.
    pub extras: Map<String, Value>,
}

impl VideoResult {
    /// A video with a number and nothing else.
    pub fn new(video_path: impl Into<String>, result: Number) -> Self {
        Self { video_path: video_path.into(), video_results: Value::Number(result), extras: Map::new() }
    }
}

impl EvalResults {
    /// Reads `*_eval_results.json`.
    ///
    /// # Errors
    /// Every problem with its place, up to [`super::MAX_LISTED_PROBLEMS`].
    pub fn parse(bytes: &[u8]) -> Result<Self, VbenchErrors> {
        let node = Node::parse(bytes).map_err(whole_file)?;
        let mut problems = Problems::default();
        problems.walk("", &node);
        let dimensions = match node {
            Node::Object(pairs) => dimensions(pairs, &mut problems),
            other => {
                problems.wrong_type("", "an object with a list for each dimension", &other);
                Vec::new()
            }
        };
        problems.finish(Self { dimensions })
    }

    /// Makes results in a program; the same rules apply as for a file.
    ///
    /// # Errors
    /// A dimension or a video that occurs twice, a number that is not finite, or no result at all.
    pub fn new(dimensions: Vec<DimensionResult>) -> Result<Self, VbenchErrors> {
        let mut problems = Problems::default();
        if dimensions.is_empty() {
            problems.add("", Kind::Nothing { what: "dimensions" });
        }
        let mut seen = BTreeSet::new();
        for DimensionResult { dimension, score, videos } in &dimensions {
            if !seen.insert(*dimension) {
                problems.add(dimension.key(), Kind::DuplicateDimension { dimension: *dimension });
            }
            if !score.is_finite() {
                problems.add(dimension.key(), Kind::NotFinite { token: score.to_string() });
            }
            let paths = videos.iter().flatten().map(|video| video.video_path.as_str());
            twice(paths, dimension.key(), &mut problems);
        }
        problems.finish(Self { dimensions })
    }

    /// Every dimension, in the order of the file.
    pub fn dimensions(&self) -> &[DimensionResult] {
        &self.dimensions
    }

    /// The result of a dimension.
    pub fn get(&self, dimension: Dimension) -> Option<&DimensionResult> {
        self.dimensions.iter().find(|result| result.dimension == dimension)
    }

    /// The text of the file. Reading it back gives equal results.
    pub fn to_json(&self) -> String {
        let of = |result: &DimensionResult| {
            let mut parts = vec![json!(result.score)];
            parts.extend(result.videos.as_ref().map(|videos| videos.iter().map(video_value).collect()));
            (result.dimension.key().to_owned(), Value::Array(parts))
        };
        write::write(&Value::Object(self.dimensions.iter().map(of).collect()))
    }
}

fn video_value(video: &VideoResult) -> Value {
    let mut object = Map::new();
    object.insert("video_path".into(), json!(video.video_path));
    object.insert("video_results".into(), video.video_results.clone());
    object.extend(video.extras.clone());
    Value::Object(object)
}

fn dimensions(pairs: Vec<(String, Node)>, problems: &mut Problems) -> Vec<DimensionResult> {
    if pairs.is_empty() {
        problems.add("", Kind::Nothing { what: "dimensions" });
    }
    let (mut seen, mut results) = (BTreeSet::new(), Vec::new());
    for (key, node) in pairs {
        let dimension: Dimension = match key.parse() {
            Ok(dimension) => dimension,
            Err(error) => {
                problems.add(&key, Kind::UnknownDimension(error));
                continue;
            }
        };
        if !seen.insert(dimension) {
            problems.add(&key, Kind::DuplicateDimension { dimension });
        }
        results.extend(dimension_result(dimension, &key, node, problems));
    }
    results
}

fn dimension_result(
    dimension: Dimension,
    at: &str,
    node: Node,
    problems: &mut Problems,
) -> Option<DimensionResult> {
    const EXPECTED: &str = "a list of the score and the results of the videos";
    let Node::List(parts) = node else {
        problems.wrong_type(at, EXPECTED, &node);
        return None;
    };
    let count = parts.len();
    let mut parts = parts.into_iter();
    let (score, list) = match (parts.next(), parts.next(), parts.next()) {
        (Some(score), list, None) => (score, list),
        _ => {
            let found = format!("a list of {count}");
            problems.add(at, Kind::WrongType { expected: EXPECTED, found });
            return None;
        }
    };
    let score = number(&format!("{at}[0]"), &score, problems);
    let videos = list.map(|list| videos(&format!("{at}[1]"), list, problems));
    Some(DimensionResult { dimension, score: score?, videos })
}

fn number(at: &str, node: &Node, problems: &mut Problems) -> Option<f64> {
    if let Node::Number(number) = node
        && let Some(value) = number.as_f64()
    {
        return Some(value);
    }
    problems.wrong_type(at, "a number", node);
    None
}

fn videos(at: &str, node: Node, problems: &mut Problems) -> Vec<VideoResult> {
    let Node::List(items) = node else {
        problems.wrong_type(at, "a list of videos", &node);
        return Vec::new();
    };
    let items = items.into_iter().enumerate();
    let videos: Vec<VideoResult> =
        items.filter_map(|(index, item)| video(&format!("{at}[{index}]"), item, problems)).collect();
    twice(videos.iter().map(|video| video.video_path.as_str()), at, problems);
    videos
}

fn video(at: &str, node: Node, problems: &mut Problems) -> Option<VideoResult> {
    let Node::Object(mut pairs) = node else {
        problems.wrong_type(at, "an object with \"video_path\" and \"video_results\"", &node);
        return None;
    };
    let mut take = |key: &'static str| {
        let found = pairs.iter().position(|(found, _)| found == key).map(|at| pairs.remove(at).1);
        if found.is_none() {
            let instead = nearest(key, pairs.iter().map(|(key, _)| key.as_str())).map(str::to_owned);
            problems.add(at, Kind::MissingKey { key, instead });
        }
        found
    };
    let (path, result) = (take("video_path"), take("video_results"));
    let video_path = match path? {
        Node::Text(path) => path,
        other => {
            problems.wrong_type(&join(at, "video_path"), "text", &other);
            return None;
        }
    };
    let result = result?;
    if !matches!(result, Node::Number(_) | Node::Bool(_)) {
        problems.wrong_type(&join(at, "video_results"), "a number, true or false", &result);
        return None;
    }
    Some(VideoResult { video_path, video_results: result.into_value(), extras: into_map(pairs) })
}

/// Reports each path that occurs twice.
fn twice<'v>(paths: impl Iterator<Item = &'v str>, at: &str, problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for path in paths {
        if !seen.insert(path) {
            problems.add(at, Kind::DuplicateVideo { path: path.to_owned() });
        }
    }
}
