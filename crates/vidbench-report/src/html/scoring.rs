//! The page of a scoring: counts, table, the clips with their scores frame by frame, failures, and how it was made.

use std::fmt::Write as _;

use vidbench_analysis::{FailedClip, ScoringAnalysis};
use vidbench_core::{ClipFacts, ClipOutcome, MetricDescriptor, Score, ScoredClip, ScoringData, rfc3339};

use super::base64::base64;
use super::escape::escape;
use super::scoring_clips::{ScoringClips, ShownRow};
use super::{ClipMime, end, head, open_section, plain_table, results_table, strip};
use crate::features::{compared, features_table};
use crate::number::{NONE, bytes, decimals_for};
use crate::results::{scoring_table, short_name};
use crate::scoring::{SCORED, counts, headword, reasons, warnings};
use crate::text::{shell_command, visible};

/// The contents of the page of a scoring.
#[derive(Debug, Clone, Copy)]
pub struct ScoringReportInput<'a> {
    /// The scoring.
    pub data: &'a ScoringData,
    /// Its analysis.
    pub analysis: &'a ScoringAnalysis,
    /// Descriptors of every known metric.
    pub descriptors: &'a [MetricDescriptor],
    /// The clips to show.
    pub clips: &'a ScoringClips<'a>,
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

/// The page up to its rows of clips. The page is made in parts, because its rows contain videos.
pub fn scoring_html_start(input: &ScoringReportInput<'_>) -> String {
    let mut out = head(&input.data.record.request.name);
    header(&mut out, input);
    out += "<main id=\"main\">\n";
    let lead = "One row per folder or model. ± and ranges are 95 % intervals over clips; every mean is shown with its n.";
    open_section(&mut out, "results", "Results", lead);
    results_table::write_table(&mut out, &scoring_table(input.analysis));
    for sets in &input.data.sets {
        let _ = writeln!(out, "<h3>Clip sets</h3>\n<p>{}</p>", escape(&compared(sets)));
        results_table::write_table(&mut out, &features_table(sets, input.descriptors));
    }
    out += "</section>\n";
    extremes(&mut out, input);
    open_clips(&mut out, input);
    out
}

/// One row of clips, with the videos that are in `embeds`; for the others the page says that the video is absent.
pub fn scoring_html_row(
    input: &ScoringReportInput<'_>,
    row: &ShownRow<'_>,
    embeds: &[ScoringEmbed],
) -> String {
    let mut out = String::new();
    write_row(&mut out, input, row, embeds);
    out
}

/// The page after its rows of clips.
pub fn scoring_html_end(input: &ScoringReportInput<'_>) -> String {
    let mut out = "</tbody></table></div>\n<p class=\"pager\" id=\"pager\" hidden><button type=\"button\" id=\"previous\">Previous</button> <span id=\"page-of\" role=\"status\"></span> <button type=\"button\" id=\"next\">Next</button></p>\n</section>\n".to_owned();
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
    let notes: Vec<String> = warnings(input.data).into_iter().chain(reasons(analysis)).collect();
    if !notes.is_empty() {
        *out += "<div class=\"notes\"><ul>";
        for note in notes {
            let _ = write!(out, "<li>{}</li>", escape(&note));
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
    open_section(out, "extremes", "Best and worst clips", "The worst clips often tell more than a mean.");
    let name = |value: &vidbench_analysis::ClipValue| {
        let path = path(input, value.ordinal);
        format!("{} ({:.*})", visible(path), decimals_for(value.value, 6), value.value)
    };
    let join =
        |values: &[vidbench_analysis::ClipValue]| values.iter().map(name).collect::<Vec<_>>().join(", ");
    let rows: Vec<Vec<String>> =
        ends.iter().map(|ends| vec![short_name(&ends.metric), join(&ends.worst), join(&ends.best)]).collect();
    plain_table(out, "Best and worst clips", &["Metric", "Worst", "Best"], &rows);
    *out += "</section>\n";
}

fn path<'a>(input: &ScoringReportInput<'a>, ordinal: u64) -> &'a str {
    input.data.record.request.clip(ordinal).map_or("", |clip| clip.path.as_str())
}

fn open_clips(out: &mut String, input: &ScoringReportInput<'_>) {
    let lead = format!(
        "The first {} of {} rows. The line under a clip shows a metric frame by frame. Space plays and pauses; the arrow keys step one frame.",
        input.clips.rows().len(),
        input.clips.all_rows()
    );
    open_section(out, "videos", "Clips", &lead);
    *out += "<div class=\"player\" id=\"player\" hidden><button type=\"button\" id=\"play\" aria-pressed=\"false\">Play</button>\
             <label class=\"scrub\"><span class=\"sr\">Position</span><input type=\"range\" id=\"scrub\" min=\"0\" max=\"1000\" value=\"0\"></label>\
             <output id=\"clock\">0.00 s</output>\
             <label>Show <select id=\"filter\"><option value=\"all\">all rows</option><option value=\"failed\">rows with failures</option></select></label></div>\n";
    *out += "<div class=\"scroll grid-box\"><table class=\"grid\" id=\"grid\"><thead><tr><th scope=\"col\">Clip</th>";
    for group in &input.analysis.groups {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(&group.label));
    }
    *out += "</tr></thead><tbody>\n";
}

fn write_row(out: &mut String, input: &ScoringReportInput<'_>, row: &ShownRow<'_>, embeds: &[ScoringEmbed]) {
    let failures = row.clips().filter(|clip| clip.outcome != ClipOutcome::Ok).count();
    let (_, seed, index) = row.key;
    let name = row.name(&input.data.record.request);
    let mut detail = Vec::new();
    detail.extend(index.map(|index| format!("index {index}")));
    detail.extend(seed.map(|seed| format!("seed {seed}")));
    let _ = write!(
        out,
        "<tr data-failed=\"{failures}\"><th scope=\"row\"><bdi class=\"prompt\">{}</bdi><span class=\"d\">{}</span></th>",
        escape(&visible(name)),
        detail.join(", ")
    );
    for column in 0..input.analysis.groups.len() {
        *out += "<td>";
        match row.clip_in(column) {
            Some(clip) => {
                let embed = embeds.iter().find(|embed| embed.ordinal == clip.ordinal);
                write_clip(out, input, clip, embed);
            }
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
    let path = path(input, clip.ordinal);
    match (embed, &clip.facts) {
        (Some(embed), Some(facts)) => {
            write_video(out, facts, &visible(path), &embed.clip);
            if let Some(reference) = &embed.reference {
                *out += "<p class=\"beside\">reference</p>";
                write_video(out, facts, &format!("reference for {}", visible(path)), reference);
            }
        }
        (_, Some(_)) => *out += "<p class=\"none\">clip not included in this page</p>",
        (_, None) => {}
    }
    if clip.outcome != ClipOutcome::Ok {
        let reason = clip.reason.as_deref().unwrap_or("no reason recorded");
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
    let failed = input.clips.failed();
    if failed.is_empty() {
        return;
    }
    let lead = format!(
        "The first {} of {} clips that are not ok; exports contain all of them.",
        failed.len(),
        input.clips.all_failed()
    );
    open_section(out, "failures", "Failures", &lead);
    let row = |clip: &FailedClip| {
        let reason = clip.reason.clone().unwrap_or_default();
        let path = path(input, clip.ordinal).to_owned();
        vec![clip.ordinal.to_string(), clip.outcome.name().into(), reason, path]
    };
    let rows: Vec<Vec<String>> = failed.iter().map(row).collect();
    plain_table(out, "Failures", &["#", "Outcome", "Reason", "File"], &rows);
    *out += "</section>\n";
}

fn provenance(out: &mut String, input: &ScoringReportInput<'_>) {
    open_section(out, "provenance", "Provenance", "");
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
            ("Confinement", environment.scorer.as_ref().map_or_else(|| NONE.into(), ToString::to_string)),
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
        plain_table(out, "Nets", &["Net", "SHA-256 of the weights", "Origin"], &rows);
    }
    let known = |id: &vidbench_core::MetricId| input.descriptors.iter().find(|known| known.id == id.as_str());
    let rows: Vec<Vec<String>> = record
        .request
        .metrics
        .iter()
        .map(|id| {
            vec![id.to_string(), known(id).map_or("unknown to this version", |known| known.title).into()]
        })
        .collect();
    *out += "<h3>Metrics</h3>\n";
    plain_table(out, "Metrics", &["Metric", "Description"], &rows);
    let command = shell_command(&environment.command);
    let _ = write!(out, "<h3>Command</h3>\n<pre><code>{}</code></pre>\n</section>\n", escape(&command));
}
