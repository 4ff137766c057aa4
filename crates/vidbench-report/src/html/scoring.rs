//! The page of a scoring: counts, table, the clips with their scores frame by frame, what failed, how it was made.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use vidbench_analysis::ScoringAnalysis;
use vidbench_core::{
    ClipFacts, ClipOutcome, MetricDescriptor, RequestedClip, Score, ScoredClip, ScoringData, rfc3339,
};

use super::base64::base64;
use super::escape::escape;
use super::{ClipMime, end, head, open_section, plain_table, results_table, strip};
use crate::features::{compared, features_table};
use crate::number::{bytes, decimals_for};
use crate::results::{scoring_table, short_name};
use crate::scoring::{SCORED, asked, counts, headword, reasons, warnings};
use crate::text::{shell_command, visible};

/// What the page of a scoring is made of.
#[derive(Debug, Clone, Copy)]
pub struct ScoringReportInput<'a> {
    /// The scoring.
    pub data: &'a ScoringData,
    /// Its analysis.
    pub analysis: &'a ScoringAnalysis,
    /// Descriptors of every known metric.
    pub descriptors: &'a [MetricDescriptor],
    /// Clips to show; those without one are told so.
    pub clips: &'a [ScoringEmbed],
    /// Name and version of the program.
    pub generated_by: &'a str,
}

/// A scored video that goes into the page, with its reference when that can be played too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoringEmbed {
    /// Its place in the request.
    pub ordinal: u64,
    /// The clip.
    pub clip: EmbeddedVideo,
    /// The clip it was compared with.
    pub reference: Option<EmbeddedVideo>,
}

/// A video that a browser plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedVideo {
    /// Its type.
    pub mime: ClipMime,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Rows of clips in the page, and of failures.
const MAX_ROWS: usize = 200;

/// The page.
pub fn scoring_html(input: &ScoringReportInput<'_>) -> String {
    let mut out = head(&input.data.record.request.name);
    header(&mut out, input);
    out += "<main id=\"main\">\n";
    let lead =
        "One row per folder or model. ± and ranges are 95 % intervals over clips; n is beside every mean.";
    open_section(&mut out, "results", "Results", lead);
    results_table::write_table(&mut out, &scoring_table(input.analysis));
    for sets in &input.data.sets {
        let _ = writeln!(out, "<h3>Sets of clips</h3>\n<p>{}</p>", escape(&compared(sets)));
        results_table::write_table(&mut out, &features_table(sets, input.descriptors));
    }
    out += "</section>\n";
    extremes(&mut out, input);
    clips(&mut out, input);
    failures(&mut out, input);
    provenance(&mut out, input);
    end(&mut out, input.generated_by, "scoring");
    out
}

fn header(out: &mut String, input: &ScoringReportInput<'_>) {
    let (record, analysis) = (&input.data.record, input.analysis);
    let word = headword(input.data, analysis);
    let (class, sign) = if word == SCORED { ("good", "✓") } else { ("mixed", "!") };
    *out += "<header class=\"top\">\n<div class=\"bar\"><p class=\"brand\">vidbench <span>scoring report</span></p>\
             <button type=\"button\" id=\"theme\" hidden>Theme: auto</button></div>\n";
    let _ = write!(
        out,
        "<h1>{}</h1>\n<p class=\"verdict {class}\"><strong><span aria-hidden=\"true\">{sign}</span> {word}</strong> {}</p>\n",
        escape(&record.request.name),
        escape(&counts(analysis))
    );
    facts(
        out,
        "facts",
        &[
            ("Scoring", record.id.to_string()),
            ("Started", rfc3339(record.created_ms)),
            ("Clips", analysis.clips.to_string()),
            ("Metrics", record.request.metrics.iter().map(short_name).collect::<Vec<_>>().join(", ")),
        ],
    );
    let (warnings, reasons) = (warnings(input.data), reasons(input.data));
    if !reasons.is_empty() || !warnings.is_empty() {
        *out += "<div class=\"notes\"><ul>";
        for warning in warnings {
            let _ = write!(out, "<li>{}</li>", escape(&warning));
        }
        for (reason, clips) in reasons {
            let _ = write!(out, "<li>{} ({clips})</li>", escape(&reason));
        }
        *out += "</ul></div>\n";
    }
    *out += "</header>\n";
}

fn facts(out: &mut String, class: &str, rows: &[(&str, String)]) {
    let _ = writeln!(out, "<dl class=\"{class}\">");
    for (name, value) in rows {
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&visible(value)));
    }
    *out += "</dl>\n";
}

fn extremes(out: &mut String, input: &ScoringReportInput<'_>) {
    let ends: Vec<_> = input.analysis.extremes.iter().filter(|ends| !ends.worst.is_empty()).collect();
    if ends.is_empty() {
        return;
    }
    open_section(
        out,
        "extremes",
        "Best and worst clips",
        "A look at the worst clips tells more than a mean.",
    );
    let name = |value: &vidbench_analysis::ClipValue| {
        let path = asked(input.data, value.ordinal).map_or("", |clip| clip.path.as_str());
        format!("{} ({:.*})", visible(path), decimals_for(value.value, 4).min(4), value.value)
    };
    let join =
        |values: &[vidbench_analysis::ClipValue]| values.iter().map(name).collect::<Vec<_>>().join(", ");
    let rows: Vec<Vec<String>> =
        ends.iter().map(|ends| vec![short_name(&ends.metric), join(&ends.worst), join(&ends.best)]).collect();
    plain_table(out, "Best and worst clips", &["Metric", "Worst", "Best"], &rows);
    *out += "</section>\n";
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Clips that stand side by side: those of one prompt, seed and index, or of one file name.
type RowKey<'d> = (&'d str, Option<u64>, Option<u32>);

fn clips(out: &mut String, input: &ScoringReportInput<'_>) {
    let embeds: HashMap<u64, &ScoringEmbed> = input.clips.iter().map(|clip| (clip.ordinal, clip)).collect();
    let labels: Vec<&str> = input.analysis.groups.iter().map(|group| group.label.as_str()).collect();
    let mut order: Vec<RowKey<'_>> = Vec::new();
    let mut rows: BTreeMap<RowKey<'_>, Vec<Option<&ScoredClip>>> = BTreeMap::new();
    for clip in &input.data.clips {
        let Some(asked) = asked(input.data, clip.ordinal) else { continue };
        let key = row_key(asked);
        let row = rows.entry(key).or_insert_with(|| {
            order.push(key);
            vec![None; labels.len()]
        });
        let column = labels.iter().position(|label| *label == asked.group);
        if let Some(cell) = column.and_then(|column| row.get_mut(column)) {
            cell.get_or_insert(clip);
        }
    }
    let lead = format!(
        "The first {} of {} rows. The line under a clip is a metric frame by frame. Space plays and pauses, the arrow keys step by a frame.",
        order.len().min(MAX_ROWS),
        order.len()
    );
    open_section(out, "videos", "Clips", &lead);
    *out += "<div class=\"player\" id=\"player\" hidden><button type=\"button\" id=\"play\" aria-pressed=\"false\">Play</button>\
             <label class=\"scrub\"><span class=\"sr\">Position</span><input type=\"range\" id=\"scrub\" min=\"0\" max=\"1000\" value=\"0\"></label>\
             <output id=\"clock\">0.00 s</output>\
             <label>Show <select id=\"filter\"><option value=\"all\">all rows</option><option value=\"failed\">rows with failures</option></select></label></div>\n";
    *out += "<div class=\"scroll grid-box\"><table class=\"grid\" id=\"grid\"><thead><tr><th scope=\"col\">Clip</th>";
    for label in &labels {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(label));
    }
    *out += "</tr></thead><tbody>\n";
    for key in order.iter().take(MAX_ROWS) {
        if let Some(cells) = rows.get(key) {
            write_row(out, input, key, cells, &embeds);
        }
    }
    *out += "</tbody></table></div>\n<p class=\"pager\" id=\"pager\" hidden><button type=\"button\" id=\"previous\">Previous</button> <span id=\"page-of\" role=\"status\"></span> <button type=\"button\" id=\"next\">Next</button></p>\n</section>\n";
}

fn row_key(clip: &RequestedClip) -> RowKey<'_> {
    let name = file_name(&clip.path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    (clip.prompt.as_deref().unwrap_or(stem), clip.seed, clip.index)
}

fn write_row(
    out: &mut String,
    input: &ScoringReportInput<'_>,
    key: &RowKey<'_>,
    cells: &[Option<&ScoredClip>],
    embeds: &HashMap<u64, &ScoringEmbed>,
) {
    let failures = cells.iter().flatten().filter(|clip| clip.outcome != ClipOutcome::Ok).count();
    let (name, seed, index) = key;
    let mut detail = Vec::new();
    detail.extend(index.map(|index| format!("index {index}")));
    detail.extend(seed.map(|seed| format!("seed {seed}")));
    let _ = write!(
        out,
        "<tr data-failed=\"{failures}\"><th scope=\"row\"><bdi class=\"prompt\">{}</bdi><span class=\"d\">{}</span></th>",
        escape(&visible(name)),
        detail.join(", ")
    );
    for clip in cells {
        *out += "<td>";
        match clip {
            Some(clip) => write_clip(out, input, clip, embeds.get(&clip.ordinal).copied()),
            None => *out += "<p class=\"none\">no such clip</p>",
        }
        *out += "</td>";
    }
    *out += "</tr>\n";
}

fn write_clip(
    out: &mut String,
    input: &ScoringReportInput<'_>,
    clip: &ScoredClip,
    embed: Option<&ScoringEmbed>,
) {
    let path = asked(input.data, clip.ordinal).map_or("", |asked| asked.path.as_str());
    match (embed, &clip.facts) {
        (Some(embed), Some(facts)) => {
            write_video(out, facts, &visible(path), &embed.clip);
            if let Some(reference) = &embed.reference {
                *out += "<p class=\"beside\">reference</p>";
                write_video(out, facts, &format!("reference of {}", visible(path)), reference);
            }
        }
        (_, Some(_)) => *out += "<p class=\"none\">clip not in this page</p>",
        (_, None) => {}
    }
    if clip.outcome != ClipOutcome::Ok {
        let reason = clip.reason.as_deref().unwrap_or("no reason was recorded");
        let _ = write!(
            out,
            "<p class=\"failure\"><strong>✕ {}</strong> <bdi>{}</bdi></p>",
            clip.outcome,
            escape(&visible(reason))
        );
    }
    strip::write(out, &clip.scores);
    *out += "<dl class=\"scores\">";
    for score in &clip.scores {
        let text = match &score.score {
            Score::Value(value) => format!("{value:.*}", decimals_for(*value, 4).min(4)),
            Score::NotAvailable { reason } => format!("not available: {reason}"),
        };
        let _ = write!(
            out,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escape(&short_name(&score.metric)),
            escape(&visible(&text))
        );
    }
    *out += "</dl>";
}

fn write_video(out: &mut String, facts: &ClipFacts, label: &str, video: &EmbeddedVideo) {
    let class = if facts.width.max(facts.height) <= 128 { " class=\"tiny\"" } else { "" };
    let _ = write!(
        out,
        "<video{class} muted loop playsinline preload=\"auto\" tabindex=\"-1\" width=\"{}\" height=\"{}\" data-fps=\"{}\" \
         aria-label=\"{}\" src=\"data:{};base64,{}\"></video>",
        facts.width,
        facts.height,
        facts.fps,
        escape(label),
        video.mime.name(),
        base64(&video.bytes)
    );
}

fn failures(out: &mut String, input: &ScoringReportInput<'_>) {
    let failed: Vec<_> = input.data.clips.iter().filter(|clip| clip.outcome != ClipOutcome::Ok).collect();
    if failed.is_empty() {
        return;
    }
    let lead = format!(
        "The first {} of {} clips that are not ok; an export has all of them.",
        failed.len().min(MAX_ROWS),
        failed.len()
    );
    open_section(out, "failures", "Failures", &lead);
    let row = |clip: &&ScoredClip| {
        let path = asked(input.data, clip.ordinal).map_or_else(String::new, |asked| asked.path.clone());
        vec![
            clip.ordinal.to_string(),
            clip.outcome.name().into(),
            clip.reason.clone().unwrap_or_default(),
            path,
        ]
    };
    let rows: Vec<Vec<String>> = failed.iter().take(MAX_ROWS).map(row).collect();
    plain_table(out, "Failures", &["#", "Outcome", "Reason", "File"], &rows);
    *out += "</section>\n";
}

fn provenance(out: &mut String, input: &ScoringReportInput<'_>) {
    open_section(out, "provenance", "How it was made", "");
    let record = &input.data.record;
    let environment = &record.environment;
    facts(
        out,
        "origin",
        &[
            ("Tool", format!("vidbench {}", environment.tool_version)),
            ("Started", rfc3339(record.created_ms)),
            ("Finished", record.finished_ms.map_or_else(|| record.status.name().into(), rfc3339)),
            ("System", environment.os.clone()),
            (
                "Processor",
                format!(
                    "{}, {} cores, {}",
                    environment.cpu,
                    environment.cores,
                    environment.memory_bytes.map_or_else(|| "memory unknown".into(), bytes)
                ),
            ),
            ("Video libraries", environment.video_libraries()),
        ],
    );
    if let Some(nets) = &environment.nets {
        let row = |weights: &vidbench_core::WeightsInUse| {
            let origin = match (weights.random_seed, weights.pinned) {
                (Some(seed), _) => format!("random, seed {seed}"),
                (None, true) => "pinned".into(),
                (None, false) => "unpinned".into(),
            };
            let hash = weights.sha256.clone().unwrap_or_else(|| "absent".into());
            vec![weights.net.clone(), hash, origin]
        };
        let rows: Vec<Vec<String>> = nets.weights.iter().map(row).collect();
        let _ = writeln!(out, "<h3>Nets, on {}</h3>", escape(&nets.runtime));
        plain_table(out, "Nets", &["Net", "SHA-256 of its weights", "Origin"], &rows);
    }
    let known = |id: &vidbench_core::MetricId| input.descriptors.iter().find(|known| known.id == id.as_str());
    let rows: Vec<Vec<String>> = record
        .request
        .metrics
        .iter()
        .map(|id| {
            vec![id.to_string(), known(id).map_or("not known to this version", |known| known.title).into()]
        })
        .collect();
    *out += "<h3>Metrics</h3>\n";
    plain_table(out, "Metrics", &["Metric", "What it says"], &rows);
    let command = shell_command(&environment.command);
    let _ = write!(out, "<h3>Command</h3>\n<pre><code>{}</code></pre>\n</section>\n", escape(&command));
}
