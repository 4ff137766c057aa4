//! Writes a scoring as VBench's own files, with the dimensions that vidbench computes by VBench's formula.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, json};
use vidbench_analysis::aggregate::{Weighted, weigh, weighted_mean};
use vidbench_core::vbench::{
    CLIPS_PER_PROMPT, Dimension, DimensionResult, EvalResults, FullInfo, PromptEntry, VbenchErrors,
    VideoResult,
};
use vidbench_core::{Aggregate, MetricId, NetsInUse, RequestedClip, ScoredClip, ScoringRecord, Series};
use vidbench_metrics::find;

/// A dimension and the metric that equals it.
struct Measured {
    dimension: Dimension,
    metric: &'static str,
    /// VBench's number for a clip whose value is 1. The score of the dimension is the metric's aggregate over the
    /// values.
    clip_unit: f64,
}

const fn measured(dimension: Dimension, metric: &'static str) -> Measured {
    Measured { dimension, metric, clip_unit: 1.0 }
}

/// The dimensions that vidbench computes by VBench's formula.
const MEASURED: [Measured; 13] = [
    measured(Dimension::SubjectConsistency, "vbench.subject_consistency@1"),
    measured(Dimension::BackgroundConsistency, "vbench.background_consistency@1"),
    measured(Dimension::TemporalFlickering, "vbench.temporal_flickering@1"),
    measured(Dimension::TemporalFlickering, "temporal_flickering@1"),
    measured(Dimension::MotionSmoothness, "vbench.motion_smoothness@1"),
    measured(Dimension::DynamicDegree, "vbench.dynamic_degree@1"),
    measured(Dimension::AestheticQuality, "vbench.aesthetic_quality@1"),
    Measured { clip_unit: 100.0, ..measured(Dimension::ImagingQuality, "vbench.imaging_quality@1") },
    measured(Dimension::HumanAction, "vbench.human_action@1"),
    measured(Dimension::AppearanceStyle, "vbench.appearance_style@1"),
    measured(Dimension::TemporalStyle, "vbench.temporal_style@1"),
    measured(Dimension::OverallConsistency, "vbench.overall_consistency@1"),
    measured(Dimension::I2vSubject, "vbench_i2v.i2v_subject@1"),
];

/// A scoring with nothing to write.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VbenchExportError {
    /// None of its metrics is a dimension of VBench.
    #[error("the scoring has none of VBench's metrics: {}", known_metrics())]
    NoMetric,
    /// Every clip of a dimension failed, has no prompt, or is not in the suite.
    #[error("no clip of the scoring can be exported")]
    NoClips {
        /// The reasons, each with the number of clips.
        left_out: Vec<String>,
    },
    /// Two clips claim the same prompt and number, for instance because they come from two models.
    #[error("{first:?} and {second:?} are both clip {index} of {prompt:?}")]
    SameClip {
        /// The prompt.
        prompt: String,
        /// The number.
        index: u32,
        /// Path of the first clip.
        first: String,
        /// Path of the second clip.
        second: String,
    },
    /// The files made break the rules of the format.
    #[error(transparent)]
    Format(#[from] VbenchErrors),
}

impl VbenchExportError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoMetric => vec![format!("score with --metrics {}", known_metrics())],
            Self::NoClips { left_out } => {
                let mut hints = left_out.clone();
                hints.push("`vidbench score DIR --prompts FILE` reads prompts from file names".into());
                hints
            }
            Self::SameClip { .. } => {
                vec!["keep one of them; VBench has one file per model, so score each model separately".into()]
            }
            Self::Format(_) => Vec::new(),
        }
    }
}

/// The two files, and what is missing from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// `*_full_info.json`.
    pub full_info: FullInfo,
    /// `*_eval_results.json`.
    pub results: EvalResults,
    /// Clips that should be in the files but are not, each with its reason.
    pub failed: Vec<String>,
    /// Further notes for people.
    pub notes: Vec<String>,
}

/// A clip with its value.
struct Valued<'d> {
    clip: &'d RequestedClip,
    prompt: &'d str,
    weighted: Weighted,
    series: Option<&'d Series>,
}

/// Writes a scoring, with the results of its clips, as VBench's files. With a suite, only the clips that VBench would
/// look for count: numbers 0 to 4 of the prompts of the dimension.
///
/// # Errors
///
/// When nothing can be written, or two clips claim the same prompt and number.
pub fn export_scoring(
    record: &ScoringRecord,
    clips: &[ScoredClip],
    suite: Option<&FullInfo>,
) -> Result<Exported, VbenchExportError> {
    let asked = &record.request.metrics;
    let has = |id: &str| asked.iter().any(|metric| metric.as_str() == id);
    let wanted = MEASURED.iter().filter(|known| {
        // If both are present, the one with VBench's static filter is used for the dimension.
        let other = known.metric == "temporal_flickering@1" && has("vbench.temporal_flickering@1");
        has(known.metric) && !other
    });
    let mut entries: Vec<PromptEntry> = Vec::new();
    let (mut results, mut failed, mut notes) = (Vec::new(), Vec::new(), notes(record));
    for measured in wanted.clone() {
        let dimension = measured.dimension;
        let prompts: Option<BTreeSet<&str>> =
            suite.map(|suite| suite.of(dimension).map(|entry| entry.prompt_en.as_str()).collect());
        let (valued, without) = values(record, clips, measured.metric, prompts.as_ref());
        let by_prompt = by_prompt(&valued)?;
        let (of_dimension, counted) = match suite {
            Some(suite) => of_suite(suite, dimension, &by_prompt),
            None => of_prompts(dimension, &by_prompt),
        };
        let left_out = record.request.clips.len() - counted.len() - without.len();
        if left_out > 0 {
            notes.push(format!("{left_out} clips are not among those that VBench scores for {dimension}"));
        }
        failed.extend(without);
        if let Some(suite) = suite {
            failed.extend(absent(suite, dimension, &by_prompt));
        }
        // In the order of the file.
        let weighted: Vec<Weighted> = counted.iter().map(|valued| valued.weighted).collect();
        let Some(score) = weighted_mean(&weighted) else { continue };
        let videos = counted.iter().filter_map(|valued| video(valued, measured)).collect();
        results.push(DimensionResult { dimension, score, videos: Some(videos) });
        merge(&mut entries, of_dimension, suite.is_some());
    }
    if wanted.count() == 0 {
        return Err(VbenchExportError::NoMetric);
    }
    failed.sort();
    failed.dedup();
    if results.is_empty() {
        notes.extend(failed.into_iter().take(5));
        return Err(VbenchExportError::NoClips { left_out: notes });
    }
    let (full_info, results) = (FullInfo::new(entries)?, EvalResults::new(results)?);
    Ok(Exported { full_info, results, failed, notes })
}

fn known_metrics() -> String {
    MEASURED.map(|known| known.metric).join(", ")
}

/// Adds the entries of one more dimension, merging them with entries of the same prompt. Entries of a suite keep their
/// dimensions.
fn merge(entries: &mut Vec<PromptEntry>, more: Vec<PromptEntry>, of_suite: bool) {
    for entry in more {
        let same = |known: &&mut PromptEntry| {
            known.prompt_en == entry.prompt_en && (!of_suite || known.dimensions == entry.dimensions)
        };
        let Some(known) = entries.iter_mut().find(same) else {
            entries.push(entry);
            continue;
        };
        let new = entry.dimensions.into_iter().filter(|dimension| !known.dimensions.contains(dimension));
        known.dimensions.extend(new.collect::<Vec<_>>());
        let videos = known.video_list.get_or_insert_default();
        let new = entry.video_list.into_iter().flatten().filter(|video| !videos.contains(video));
        videos.extend(new.collect::<Vec<_>>());
    }
}

/// Clips that have a value and a prompt, and the reasons for the others. Clips whose prompt is not among `prompts` are
/// ignored.
fn values<'d>(
    record: &'d ScoringRecord,
    clips: &'d [ScoredClip],
    id: &str,
    prompts: Option<&BTreeSet<&str>>,
) -> (Vec<Valued<'d>>, Vec<String>) {
    let (mut valued, mut failed) = (Vec::new(), Vec::new());
    let scored: BTreeMap<u64, &ScoredClip> = clips.iter().map(|clip| (clip.ordinal, clip)).collect();
    for (ordinal, clip) in (0..).zip(&record.request.clips) {
        let other = |prompt: &str| prompts.is_some_and(|prompts| !prompts.contains(prompt));
        if clip.prompt.as_deref().is_some_and(other) {
            continue;
        }
        let score = scored.get(&ordinal).map(|scored| value(scored, id));
        match (score.unwrap_or_else(|| Err("not scored yet".into())), clip.prompt.as_deref()) {
            (Ok((weighted, series)), Some(prompt)) => {
                valued.push(Valued { clip, prompt, weighted, series });
            }
            (Ok(_), None) => failed.push(format!("{}: its prompt is unknown", clip.path)),
            (Err(reason), _) => failed.push(format!("{}: {reason}", clip.path)),
        }
    }
    (valued, failed)
}

fn value<'d>(scored: &'d ScoredClip, id: &str) -> Result<(Weighted, Option<&'d Series>), String> {
    let Some(score) = scored.scores.iter().find(|score| score.metric.as_str() == id) else {
        return Err(scored.reason.clone().unwrap_or_else(|| scored.outcome.to_string()));
    };
    let aggregate = find(id).map_or(Aggregate::ClipMean, |metric| metric.aggregate);
    let weighted = weigh(aggregate, score).map_err(str::to_owned)?;
    Ok((weighted, score.series.as_ref()))
}

/// A clip as VBench writes it. For dimensions whose clips are weighted by their frames, VBench records further values
/// beside the clip's own.
fn video(valued: &Valued<'_>, measured: &Measured) -> Option<VideoResult> {
    let Weighted { value, weight } = valued.weighted;
    let mut video = VideoResult::new(valued.clip.path.clone(), Number::from_f64(value * measured.clip_unit)?);
    let extras = match (measured.dimension, valued.series) {
        (Dimension::BackgroundConsistency, _) => {
            vec![("video_sim", json!(value * weight)), ("cnt_per_video", json!(weight as u64))]
        }
        (Dimension::AppearanceStyle, Some(series)) => {
            vec![("frame_results", json!(series.values)), ("cur_sim", json!(series.values.last()))]
        }
        (_, _) => Vec::new(),
    };
    video.extras.extend(extras.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Some(video)
}

/// Clips of each prompt in the order of their numbers; those without a number come first.
type ByPrompt<'v, 'd> = BTreeMap<&'d str, Vec<&'v Valued<'d>>>;

fn by_prompt<'v, 'd>(valued: &'v [Valued<'d>]) -> Result<ByPrompt<'v, 'd>, VbenchExportError> {
    let mut by_prompt: ByPrompt<'v, 'd> = BTreeMap::new();
    for clip in valued {
        by_prompt.entry(clip.prompt).or_default().push(clip);
    }
    for (prompt, clips) in &mut by_prompt {
        clips.sort_by_key(|valued| valued.clip.index);
        for pair in clips.windows(2) {
            let [first, second] = pair else { continue };
            if let (Some(index), true) = (first.clip.index, first.clip.index == second.clip.index) {
                return Err(VbenchExportError::SameClip {
                    prompt: (*prompt).to_owned(),
                    index,
                    first: first.clip.path.clone(),
                    second: second.clip.path.clone(),
                });
            }
        }
    }
    Ok(by_prompt)
}

/// Whether VBench looks for a clip of that number.
fn looked_for(clip: &Valued<'_>) -> bool {
    clip.clip.index.is_some_and(|index| index < CLIPS_PER_PROMPT)
}

fn of_suite<'v, 'd>(
    suite: &FullInfo,
    dimension: Dimension,
    by_prompt: &ByPrompt<'v, 'd>,
) -> (Vec<PromptEntry>, Vec<&'v Valued<'d>>) {
    let (mut entries, mut counted) = (Vec::new(), Vec::new());
    for entry in suite.of(dimension) {
        let clips = by_prompt.get(entry.prompt_en.as_str()).into_iter().flatten();
        let clips: Vec<&Valued<'_>> = clips.copied().filter(|clip| looked_for(clip)).collect();
        let video_list = clips.iter().map(|valued| valued.clip.path.clone()).collect();
        entries.push(PromptEntry { video_list: Some(video_list), ..entry.clone() });
        counted.extend(clips);
    }
    (entries, counted)
}

fn of_prompts<'v, 'd>(
    dimension: Dimension,
    by_prompt: &ByPrompt<'v, 'd>,
) -> (Vec<PromptEntry>, Vec<&'v Valued<'d>>) {
    let entry = |(prompt, clips): (&&str, &Vec<&Valued<'_>>)| PromptEntry {
        prompt_en: (*prompt).to_owned(),
        dimensions: vec![dimension],
        auxiliary_info: None,
        video_list: Some(clips.iter().map(|valued| valued.clip.path.clone()).collect()),
        extras: Map::new(),
    };
    (by_prompt.iter().map(entry).collect(), by_prompt.values().flatten().copied().collect())
}

/// Prompts of the suite without all the clips that VBench looks for.
fn absent(suite: &FullInfo, dimension: Dimension, by_prompt: &ByPrompt<'_, '_>) -> Vec<String> {
    let short = |entry: &PromptEntry| {
        let clips = by_prompt.get(entry.prompt_en.as_str()).into_iter().flatten();
        let found = clips.filter(|clip| looked_for(clip)).count();
        let wanted = CLIPS_PER_PROMPT as usize;
        (found < wanted).then(|| format!("{:?}: {found} of {wanted} clips", entry.prompt_en))
    };
    suite.of(dimension).filter_map(short).collect()
}

/// Notes on the rest of the scoring.
fn notes(record: &ScoringRecord) -> Vec<String> {
    let metrics = record.request.metrics.iter().map(MetricId::as_str);
    let (known, others): (Vec<&str>, Vec<&str>) =
        metrics.partition(|id| MEASURED.iter().any(|known| known.metric == *id));
    let mut notes = Vec::new();
    if known.contains(&"temporal_flickering@1") {
        notes.push(
            "temporal_flickering is computed by its formula, but with interpolated chroma where OpenCV repeats it, which changes the value \
             by up to about 0.001 on strongly coloured clips"
                .to_owned(),
        );
    }
    notes.extend(record.environment.nets.iter().flat_map(NetsInUse::warnings));
    if !others.is_empty() {
        notes.push(format!("not VBench dimensions, so not written: {}", others.join(", ")));
    }
    notes
}
