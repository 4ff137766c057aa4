//! One self-contained HTML page. It makes no request, and its Content-Security-Policy allows none.
//!
//! Style and script are inline, and the page's Content-Security-Policy names them by their hash, so that text that got
//! past the escaping would still not run. Without a script everything is shown; the script adds sorting, filters and
//! playback.

mod base64;
mod escape;
mod failures;
mod grid;
mod header;
mod latency_plot;
mod pareto_plot;
mod provenance;
mod results_table;
mod scoring;
mod scoring_clips;
mod sensors_plot;
mod set_metrics;
mod stages_plot;
mod strip;
mod svg;

use sha2::{Digest as _, Sha256};
use vidbench_analysis::{Joined, RunAnalysis, join};
use vidbench_core::{MetricDescriptor, RunData, SampleId};

use self::base64::base64;
use self::escape::escape;
pub use self::scoring::{
    EmbeddedVideo, ScoringEmbed, ScoringReportInput, scoring_html_end, scoring_html_row, scoring_html_start,
};
pub use self::scoring_clips::{ScoringClips, ShownRow};

const CSS: &str = include_str!("../assets/report.css");
const JS: &str = include_str!("../assets/report.js");

/// The contents of a page.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// The run.
    pub data: &'a RunData,
    /// Its analysis.
    pub analysis: &'a RunAnalysis,
    /// Descriptors of every known metric.
    pub descriptors: &'a [MetricDescriptor],
    /// Clips to show; the page says so for samples without one.
    pub clips: &'a [ClipEmbed],
    /// Name and version of the program.
    pub generated_by: &'a str,
}

/// A video that goes into the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipEmbed {
    /// The sample it belongs to.
    pub sample: SampleId,
    /// Its type.
    pub mime: ClipMime,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The types of video that browsers play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClipMime {
    /// MPEG-4.
    Mp4,
    /// WebM.
    Webm,
}

impl ClipMime {
    /// The media type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
        }
    }
}

/// The data that every section uses.
#[derive(Clone, Copy)]
struct Page<'a> {
    input: &'a ReportInput<'a>,
    joined: &'a Joined<'a>,
}

/// The page.
pub fn html(input: &ReportInput<'_>) -> String {
    let joined = join(input.data);
    let page = Page { input, joined: &joined };
    let mut out = head(&input.data.run.suite.name);
    header::write(&mut out, page);
    out += "<main id=\"main\">\n";
    results_table::write(&mut out, page);
    pareto_plot::write(&mut out, page);
    latency_plot::write(&mut out, page);
    stages_plot::write(&mut out, page);
    sensors_plot::write(&mut out, page);
    grid::write(&mut out, page);
    failures::write(&mut out, page);
    set_metrics::write(&mut out, page);
    provenance::write(&mut out, page);
    end(&mut out, input.generated_by, "run");
    out
}

fn end(out: &mut String, generated_by: &str, of: &str) {
    *out += "</main>\n<footer><p>Made by ";
    *out += &escape(generated_by);
    *out += &format!(
        " from the records of the {of}. This page makes no request and measures nothing.</p></footer>\n"
    );
    *out += &format!("<script>{JS}</script>\n</body>\n</html>\n");
}

/// The text that every page begins with.
const START: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-";

/// How many bytes [`begins_as_page`] needs.
pub const PAGE_START_BYTES: usize = START.len();

/// Whether a file with these first bytes is a page of this program, of this version or an earlier one.
pub fn begins_as_page(first_bytes: &[u8]) -> bool {
    first_bytes.starts_with(START.as_bytes())
}

fn head(title: &str) -> String {
    let policy = format!(
        "{}'; script-src 'sha256-{}'; img-src data:; media-src data:; \
         base-uri 'none'; form-action 'none'",
        base64(&Sha256::digest(CSS)),
        base64(&Sha256::digest(JS))
    );
    let title = escape(title);
    format!(
        "{START}{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title} – vidbench report</title>\n<style>{CSS}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the results</a>\n"
    )
}

/// A word longer than this many characters may be broken across lines of a table.
const LONG_WORD: usize = 31;

/// Opens a section with its heading and one sentence.
fn open_section(out: &mut String, id: &str, title: &str, lead: &str) {
    *out += &format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">{}</h2>\n",
        escape(title)
    );
    if !lead.is_empty() {
        *out += &format!("<p class=\"lead\">{}</p>\n", escape(lead));
    }
}

/// A plain table with the numbers behind a plot.
fn details_table(out: &mut String, summary: &str, heads: &[&str], rows: &[Vec<String>]) {
    *out += &format!("<details><summary>{}</summary>\n", escape(summary));
    plain_table(out, summary, heads, rows);
    *out += "</details>\n";
}

/// A table of escaped text in a box that scrolls by itself.
fn plain_table(out: &mut String, label: &str, heads: &[&str], rows: &[Vec<String>]) {
    *out += &format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><thead><tr>",
        escape(label)
    );
    for head in heads {
        *out += &format!("<th scope=\"col\">{}</th>", escape(head));
    }
    *out += "</tr></thead><tbody>\n";
    for row in rows {
        *out += "<tr>";
        for cell in row {
            // Only long words may break anywhere: a hash, or a text meant to burst the table.
            let long = cell.split_whitespace().any(|word| word.chars().count() > LONG_WORD);
            *out += &format!("<td{}>{}</td>", if long { " class=\"long\"" } else { "" }, escape(cell));
        }
        *out += "</tr>\n";
    }
    *out += "</tbody></table></div>\n";
}
