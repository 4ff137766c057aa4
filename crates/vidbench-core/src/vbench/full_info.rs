//! `VBench_full_info.json`: the prompts of the suite and the dimensions each is for. With videos added, it is the plan
//! of an evaluation.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::error::{VbenchErrors, VbenchProblemKind as Kind};
use super::node::{Node, Problems, into_map, join, whole_file};
use super::{Dimension, write};
use crate::clip_name::KnownPrompts;
use crate::prompt::MAX_TEXT_CHARS;
use crate::toml_check::nearest;

/// The entries in the order of the file; at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct FullInfo {
    entries: Vec<PromptEntry>,
}

/// One prompt and what it is for.
///
/// Two entries may have the same prompt when they share no dimension, as two prompts of VBench's suite do; one set of
/// clips then serves both.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptEntry {
    /// The prompt, unchanged; the name of each of its clips begins with it.
    pub prompt_en: String,
    /// The dimensions its clips are scored on; at least one, and none twice.
    pub dimensions: Vec<Dimension>,
    /// Further data that some dimensions need, by dimension; kept unchanged.
    pub auxiliary_info: Option<Value>,
    /// Paths of its clips, in a file written by an evaluation.
    pub video_list: Option<Vec<String>>,
    /// Every other key, such as `image_name` of VBench-I2V; kept unchanged.
    pub extras: Map<String, Value>,
}

impl FullInfo {
    /// Reads `*full_info.json`.
    ///
    /// # Errors
    /// Every problem with its place, up to [`super::MAX_LISTED_PROBLEMS`].
    pub fn parse(bytes: &[u8]) -> Result<Self, VbenchErrors> {
        let node = Node::parse(bytes).map_err(whole_file)?;
        let mut problems = Problems::default();
        problems.walk("", &node);
        let Node::List(items) = node else {
            problems.wrong_type("", "a list of prompts", &node);
            return problems.finish(Self { entries: Vec::new() });
        };
        let read: Vec<_> = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| entry(&format!("[{index}]"), item, &mut problems))
            .collect();
        if read.is_empty() {
            problems.add("", Kind::Nothing { what: "prompts" });
        }
        find_duplicates(&read, &mut problems);
        problems.finish(Self { entries: read.into_iter().flatten().collect() })
    }

    /// Makes entries in a program; the same rules apply as for a file.
    ///
    /// # Errors
    /// Every problem that reading the entries from a file would find.
    pub fn new(entries: Vec<PromptEntry>) -> Result<Self, VbenchErrors> {
        Self::parse(Self { entries }.to_json().as_bytes())
    }

    /// The entries, in the order of the file.
    pub fn entries(&self) -> &[PromptEntry] {
        &self.entries
    }

    /// The entries of a dimension, in the order of the file.
    pub fn of(&self, dimension: Dimension) -> impl Iterator<Item = &PromptEntry> {
        self.entries.iter().filter(move |entry| entry.dimensions.contains(&dimension))
    }

    /// Every dimension that an entry has, in the order of [`Dimension::ALL`].
    pub fn dimensions(&self) -> Vec<Dimension> {
        let all: BTreeSet<Dimension> =
            self.entries.iter().flat_map(|entry| &entry.dimensions).copied().collect();
        all.into_iter().collect()
    }

    /// Whether it is a suite of image to video.
    pub fn is_i2v(&self) -> bool {
        let own = [Dimension::I2vSubject, Dimension::I2vBackground, Dimension::CameraMotion];
        self.entries.iter().flat_map(|entry| &entry.dimensions).any(|dimension| own.contains(dimension))
    }

    /// The prompts, indexed so that they can be found in file names.
    pub fn known_prompts(&self) -> KnownPrompts {
        KnownPrompts::new(self.entries.iter().map(|entry| entry.prompt_en.as_str()), "")
    }

    /// Prompts that more than one entry has, sorted.
    pub fn shared_prompts(&self) -> Vec<&str> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &self.entries {
            *counts.entry(&entry.prompt_en).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(prompt, _)| prompt).collect()
    }

    /// The text of the file. Reading it back gives equal entries.
    pub fn to_json(&self) -> String {
        write::write(&self.entries.iter().map(entry_value).collect())
    }
}

fn entry_value(entry: &PromptEntry) -> Value {
    let mut object = Map::new();
    object.insert("prompt_en".into(), json!(entry.prompt_en));
    object.insert(
        "dimension".into(),
        entry.dimensions.iter().map(|dimension| json!(dimension.key())).collect(),
    );
    object.extend(entry.auxiliary_info.clone().map(|info| ("auxiliary_info".to_owned(), info)));
    object.extend(entry.extras.clone());
    object.extend(entry.video_list.as_ref().map(|videos| ("video_list".to_owned(), json!(videos))));
    Value::Object(object)
}

/// Reads an entry; `None` when a required part is wrong.
fn entry(at: &str, node: Node, problems: &mut Problems) -> Option<PromptEntry> {
    let Node::Object(mut pairs) = node else {
        problems.wrong_type(at, "an object with \"prompt_en\" and \"dimension\"", &node);
        return None;
    };
    let mut take = |key: &str| pairs.iter().position(|(found, _)| found == key).map(|at| pairs.remove(at).1);
    let (prompt, listed) = (take("prompt_en"), take("dimension"));
    let (auxiliary, videos) = (take("auxiliary_info"), take("video_list"));
    for (key, value) in [("prompt_en", &prompt), ("dimension", &listed)] {
        if value.is_none() {
            let instead = nearest(key, pairs.iter().map(|(key, _)| key.as_str())).map(str::to_owned);
            problems.add(at, Kind::MissingKey { key, instead });
        }
    }
    let prompt_en = prompt.and_then(|node| prompt_text(&join(at, "prompt_en"), node, problems));
    let dimensions = listed.and_then(|node| dimensions(&join(at, "dimension"), node, problems));
    let video_list = videos.and_then(|node| texts(&join(at, "video_list"), node, problems));
    if let Some(node) = auxiliary.as_ref().filter(|node| !matches!(node, Node::Object(_))) {
        problems.wrong_type(&join(at, "auxiliary_info"), "an object", node);
    }
    Some(PromptEntry {
        prompt_en: prompt_en?,
        dimensions: dimensions?,
        auxiliary_info: auxiliary.map(Node::into_value),
        video_list,
        extras: into_map(pairs),
    })
}

fn prompt_text(at: &str, node: Node, problems: &mut Problems) -> Option<String> {
    let Node::Text(text) = node else {
        problems.wrong_type(at, "text", &node);
        return None;
    };
    let chars = text.chars().count();
    if text.trim().is_empty() {
        problems.add(at, Kind::EmptyPrompt);
    } else if chars > MAX_TEXT_CHARS {
        problems.add(at, Kind::PromptTooLong { chars });
    }
    Some(text)
}

/// A list of texts, or a single text, which VBench reads as a list of one.
fn texts(at: &str, node: Node, problems: &mut Problems) -> Option<Vec<String>> {
    let items = match node {
        Node::List(items) => items,
        Node::Text(text) => return Some(vec![text]),
        other => {
            problems.wrong_type(at, "a list of strings", &other);
            return None;
        }
    };
    let mut texts = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Node::Text(text) => texts.push(text),
            other => problems.wrong_type(&format!("{at}[{index}]"), "text", &other),
        }
    }
    Some(texts)
}

fn dimensions(at: &str, node: Node, problems: &mut Problems) -> Option<Vec<Dimension>> {
    let names = texts(at, node, problems)?;
    if names.is_empty() {
        problems.add(at, Kind::Nothing { what: "dimensions" });
    }
    let mut dimensions = Vec::with_capacity(names.len());
    for name in names {
        match name.parse() {
            Ok(dimension) if dimensions.contains(&dimension) => {
                problems.add(at, Kind::DuplicateDimension { dimension });
            }
            Ok(dimension) => dimensions.push(dimension),
            Err(error) => problems.add(at, Kind::UnknownDimension(error)),
        }
    }
    Some(dimensions)
}

/// Reports a prompt that two entries have for one dimension, unless both list their videos: for a user's own files
/// VBench writes one entry per video. Then no video may occur twice.
fn find_duplicates(entries: &[Option<PromptEntry>], problems: &mut Problems) {
    let mut prompts: BTreeMap<(Dimension, &str), usize> = BTreeMap::new();
    let mut videos: BTreeSet<(Dimension, &str)> = BTreeSet::new();
    for (index, entry) in
        entries.iter().enumerate().filter_map(|(index, entry)| Some((index, entry.as_ref()?)))
    {
        for &dimension in &entry.dimensions {
            let first = *prompts.entry((dimension, &entry.prompt_en)).or_insert(index);
            let told =
                |at: usize| entries.get(at).and_then(Option::as_ref).is_some_and(|e| e.video_list.is_some());
            if first != index && !(told(first) && told(index)) {
                let prompt = entry.prompt_en.clone();
                problems.add(&format!("[{index}]"), Kind::DuplicatePrompt { prompt, dimension, first });
            }
            for path in entry.video_list.iter().flatten() {
                if !videos.insert((dimension, path)) {
                    let kind = Kind::DuplicateVideo { path: path.clone() };
                    problems.add(&format!("[{index}].video_list"), kind);
                }
            }
        }
    }
}
