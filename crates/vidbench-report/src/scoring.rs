//! A scoring as text: for the terminal, Markdown, LaTeX and other programs.

use serde::Serialize;
use serde_json::json;
use vidbench_analysis::{ClipValue, FailedClip, OutcomeCount, ScoringAnalysis};
use vidbench_core::protocol::Pixels;
use vidbench_core::{
    MetricDescriptor, MetricId, NetsInUse, RequestedClip, RunStatus, Score, ScoredClip, ScoringData,
};

use crate::csv::{number, optional, text};
use crate::export::EXPORT_SCHEMA_VERSION;
use crate::features::{features_latex, features_markdown, features_terminal};
use crate::number::decimals_for;
use crate::results::{scoring_table, short_name};
use crate::terminal::{Style, paint, write_table};
use crate::text::visible_line;
use crate::{latex, markdown};

/// One line with the counts, the table, the failures, the best and worst clips, and the tables of sets.
pub fn scoring_terminal(
    data: &ScoringData,
    analysis: &ScoringAnalysis,
    descriptors: &[MetricDescriptor],
    style: Style,
) -> String {
    let word = headword(data, analysis);
    let word = paint(style, if word == SCORED { "1;32" } else { "1;33" }, word);
    let mut out = format!("{word}  {}: {}\n\n", data.record.id, counts(analysis));
    let table = scoring_table(analysis);
    write_table(&mut out, &table, style);
    out += "± and ranges are 95 % intervals over clips\n";
    for sets in &data.sets {
        out += &format!("\n{}", features_terminal(sets, descriptors, style));
    }
    for extremes in analysis.extremes.iter().filter(|extremes| !extremes.worst.is_empty()) {
        let name = short_name(&extremes.metric);
        let ends = [("worst", &extremes.worst), ("best", &extremes.best)];
        let ends = ends.map(|(end, clips)| format!("{end} {}", named(data, clips)));
        out += &format!("{name}: {}\n", ends.join("; "));
    }
    for failed in failures(data, analysis) {
        out += &format!("{} {}\n", paint(style, "1;33", "failed:"), visible_line(&failed));
    }
    for warning in warnings(data) {
        out += &format!("{} {}\n", paint(style, "2", "note:"), visible_line(&warning));
    }
    for reason in reasons(analysis) {
        out += &format!("{} {}\n", paint(style, "2", "note:"), visible_line(&reason));
    }
    out
}

/// The heading of a scoring in which every clip is ok.
pub(crate) const SCORED: &str = "SCORED";

/// How far the scoring has come, in one to three words. Clips that are not done yet are not failures.
pub(crate) fn headword(data: &ScoringData, analysis: &ScoringAnalysis) -> &'static str {
    match data.record.status {
        _ if analysis.ok == analysis.clips => SCORED,
        _ if analysis.done == analysis.clips => "SCORED WITH FAILURES",
        RunStatus::Interrupted => "INTERRUPTED",
        RunStatus::Running | RunStatus::Complete => "INCOMPLETE",
    }
}

/// `10 of 12 clips ok, 1 decode_failed, 1 pair_mismatch`
pub(crate) fn counts(analysis: &ScoringAnalysis) -> String {
    let mut text = format!("{} of {} clips ok", analysis.ok, analysis.clips);
    for OutcomeCount { outcome, count } in &analysis.failures {
        text += &format!(", {count} {outcome}");
    }
    if analysis.done < analysis.clips {
        text += &format!(", {} not done", analysis.clips - analysis.done);
    }
    text
}

/// The first clips that are not ok, each with its outcome and reason, and how many more there are.
fn failures(data: &ScoringData, analysis: &ScoringAnalysis) -> Vec<String> {
    let line = |failed: &FailedClip| {
        let path = data.record.request.clip(failed.ordinal).map_or("", |clip| clip.path.as_str());
        let reason = failed.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        format!("{path}: {}{reason}", failed.outcome)
    };
    let all: u64 = analysis.failures.iter().map(|entry| entry.count).sum();
    let more = all.saturating_sub(analysis.first_failures.len() as u64);
    let rest = (more > 0).then(|| format!("{more} more; the HTML report and the exports name each"));
    analysis.first_failures.iter().map(line).chain(rest).collect()
}

/// Warnings to read before the first number.
pub(crate) fn warnings(data: &ScoringData) -> Vec<String> {
    let nets = data.record.environment.nets.as_ref().map(NetsInUse::warnings).unwrap_or_default();
    let quick = data.record.request.options.pixels == Pixels::Swscale;
    let pixels =
        "metrics used swscale pixels, as programs built on decord, OpenCV or PyAV do (--pixels swscale)";
    nets.into_iter().chain(quick.then(|| pixels.to_owned())).collect()
}

/// Reasons why metrics have no value, and notes on values, each with the number of clips it applies to.
pub(crate) fn reasons(analysis: &ScoringAnalysis) -> impl Iterator<Item = String> {
    let clips = |count: u64| if count == 1 { "1 clip".to_owned() } else { format!("{count} clips") };
    analysis.reasons.iter().map(move |entry| format!("{} ({})", entry.reason, clips(entry.count)))
}

/// The first few of the best or worst clips; the page shows more.
fn named(data: &ScoringData, values: &[ClipValue]) -> String {
    let name = |value: &ClipValue| {
        let path = data.record.request.clip(value.ordinal).map_or("", |clip| clip.path.as_str());
        format!("{:.*} {}", decimals_for(value.value, 6), value.value, visible_line(path))
    };
    values.first().map(name).unwrap_or_default()
}

/// The counts and the table as GitHub-flavoured Markdown.
pub fn scoring_markdown(
    data: &ScoringData,
    analysis: &ScoringAnalysis,
    descriptors: &[MetricDescriptor],
) -> String {
    let word = headword(data, analysis);
    let mut out = format!("**{word}** scoring `{}`: {}.\n\n", data.record.id, counts(analysis));
    markdown::write_table(&mut out, &scoring_table(analysis));
    out += "\n± and ranges are 95 % intervals over clips.\n";
    for sets in &data.sets {
        out += &format!("\n{}", features_markdown(sets, descriptors));
    }
    for failed in failures(data, analysis) {
        out += &format!("\nFailed: {}.\n", markdown::escaped(&failed));
    }
    for note in warnings(data).into_iter().chain(reasons(analysis)) {
        out += &format!("\nNote: {}.\n", markdown::escaped(&note));
    }
    out
}

/// The table as LaTeX with the booktabs package.
pub fn scoring_latex(
    data: &ScoringData,
    analysis: &ScoringAnalysis,
    descriptors: &[MetricDescriptor],
) -> String {
    let sets = data.sets.iter().map(|sets| format!("\n{}", features_latex(sets, descriptors)));
    let tables = sets.fold(latex::table(&scoring_table(analysis)), |out, table| out + &table);
    let failed = failures(data, analysis).into_iter().map(|failed| format!("failed: {failed}"));
    let notes = warnings(data).into_iter().chain(reasons(analysis)).map(|note| format!("note: {note}"));
    // Comments: what a paper says of them is for its authors to decide.
    failed.chain(notes).fold(tables, |out, note| out + &format!("% {}\n", visible_line(&note)))
}

/// The scoring with its analysis, as pretty JSON, split where the clips belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoringJson {
    /// The text before the clips.
    pub before: String,
    /// The text after the clips.
    pub after: String,
}

/// The scoring without its clips; [`scoring_json_clip`] gives each of them.
///
/// # Errors
/// A record that cannot be written as JSON, which the records' types rule out.
pub fn scoring_json(
    data: &ScoringData,
    analysis: &ScoringAnalysis,
) -> Result<ScoringJson, serde_json::Error> {
    let request = &data.record.request;
    let whole = serde_json::to_string_pretty(&json!({
        "schema_version": EXPORT_SCHEMA_VERSION,
        "scoring": data.record.id,
        "name": request.name,
        "status": data.record.status,
        "created_ms": data.record.created_ms,
        "finished_ms": data.record.finished_ms,
        "metrics": request.metrics,
        "options": request.options,
        "environment": serde_json::to_value(&data.record.environment)?,
        "clips": [],
        "sets": serde_json::to_value(&data.sets)?,
        "analysis": serde_json::to_value(analysis)?,
    }))?;
    // Only keys of the outermost object are indented by two blanks, and no string contains a line end, so the split is
    // unambiguous.
    let (before, after) = whole.split_once(NO_CLIPS).unwrap_or((&whole, ""));
    let end = if analysis.done > 0 { "\n  ]" } else { "]" };
    Ok(ScoringJson {
        before: format!("{before}{}", NO_CLIPS.trim_end_matches(']')),
        after: format!("{end}{after}\n"),
    })
}

const NO_CLIPS: &str = "\n  \"clips\": []";

/// One clip of [`scoring_json`] as it appears there; the first has no comma before it.
///
/// # Errors
/// See [`scoring_json`].
pub fn scoring_json_clip(
    data: &ScoringData,
    clip: &ScoredClip,
    first: bool,
) -> Result<String, serde_json::Error> {
    // Keys in alphabetical order, as in the rest.
    let value = serde_json::to_string_pretty(&serde_json::to_value(line(data, clip))?)?;
    Ok(format!("{}\n{value}", if first { "" } else { "," }).replace('\n', "\n    "))
}

/// One clip as a line.
///
/// # Errors
/// See [`scoring_json`].
pub fn scoring_jsonl_line(data: &ScoringData, clip: &ScoredClip) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(&line(data, clip))? + "\n")
}

#[derive(Serialize)]
struct ClipLine<'d> {
    schema_version: u32,
    scoring: &'d str,
    #[serde(flatten)]
    asked: Option<&'d RequestedClip>,
    #[serde(flatten)]
    scored: &'d ScoredClip,
}

fn line<'d>(data: &'d ScoringData, clip: &'d ScoredClip) -> ClipLine<'d> {
    let asked = data.record.request.clip(clip.ordinal);
    ClipLine { schema_version: EXPORT_SCHEMA_VERSION, scoring: data.record.id.as_str(), asked, scored: clip }
}

const COLUMNS: [&str; 18] = [
    "scoring",
    "ordinal",
    "path",
    "group",
    "prompt",
    "seed",
    "index",
    "reference",
    "outcome",
    "reason",
    "sha256",
    "reference_sha256",
    "codec",
    "pixel_format",
    "width",
    "height",
    "frames",
    "fps",
];

/// The header of the table of clips: the fixed columns, one per metric, the reasons why metrics are not available, and
/// the notes on scores.
pub fn scoring_csv_heads(data: &ScoringData) -> String {
    let mut heads: Vec<String> = COLUMNS.map(str::to_owned).to_vec();
    heads.extend(csv_metrics(data).map(|id| text(id.as_str())));
    heads.extend(["not_available", "notes"].map(str::to_owned));
    heads.join(",") + "\r\n"
}

/// One clip as a line below [`scoring_csv_heads`].
pub fn scoring_csv_line(data: &ScoringData, clip: &ScoredClip) -> String {
    let mut cells = fixed_cells(data, clip);
    cells.extend(csv_metrics(data).map(|id| {
        let score = clip.scores.iter().find(|score| score.metric == *id);
        optional(score.and_then(|score| score.score.value()))
    }));
    cells.extend([text(&unavailable(clip)), text(&notes(clip))]);
    cells.join(",") + "\r\n"
}

/// Metrics that give each clip a number.
fn csv_metrics(data: &ScoringData) -> impl Iterator<Item = &MetricId> {
    let of_sets = |id: &MetricId| data.sets.iter().any(|sets| sets.metrics.contains(id));
    data.record.request.metrics.iter().filter(move |id| !of_sets(id))
}

fn fixed_cells(data: &ScoringData, clip: &ScoredClip) -> Vec<String> {
    let (asked, facts) = (data.record.request.clip(clip.ordinal), clip.facts.as_ref());
    let optional_text = |value: Option<&str>| text(value.unwrap_or_default());
    vec![
        text(data.record.id.as_str()),
        number(clip.ordinal),
        optional_text(asked.map(|asked| asked.path.as_str())),
        optional_text(asked.map(|asked| asked.group.as_str())),
        optional_text(asked.and_then(|asked| asked.prompt.as_deref())),
        optional(asked.and_then(|asked| asked.seed)),
        optional(asked.and_then(|asked| asked.index)),
        optional_text(asked.and_then(|asked| asked.reference.as_deref())),
        text(clip.outcome.name()),
        optional_text(clip.reason.as_deref()),
        optional_text(clip.sha256.as_deref()),
        optional_text(clip.reference_sha256.as_deref()),
        optional_text(facts.map(|facts| facts.codec.as_str())),
        optional_text(facts.map(|facts| facts.pixel_format.as_str())),
        optional(facts.map(|facts| facts.width)),
        optional(facts.map(|facts| facts.height)),
        optional(facts.map(|facts| facts.frames)),
        optional(facts.map(|facts| facts.fps)),
    ]
}

fn unavailable(clip: &ScoredClip) -> String {
    let reasons = clip.scores.iter().filter_map(|score| match &score.score {
        Score::NotAvailable { reason } => Some(format!("{}: {reason}", score.metric)),
        Score::Value(_) => None,
    });
    reasons.collect::<Vec<_>>().join("; ")
}

fn notes(clip: &ScoredClip) -> String {
    let notes =
        clip.scores.iter().filter_map(|score| Some(format!("{}: {}", score.metric, score.note.as_ref()?)));
    notes.collect::<Vec<_>>().join("; ")
}
