//! Reports as pure strings: a table for the terminal, one self-contained HTML page, Markdown, CSV, JSON.
//!
//! Nothing here reads a file, asks the time or measures: a report is a function of the records and their analysis.
//! Every text from outside (prompts, reasons, names) is treated as hostile wherever it is shown.
#![warn(missing_docs)]

mod csv;
mod export;
mod features;
mod html;
mod latex;
mod markdown;
mod number;
mod results;
mod scoring;
mod terminal;
mod text;
mod vbench;
mod vbench_check;

pub use csv::export_csv;
pub use export::{EXPORT_SCHEMA_VERSION, export_json, export_jsonl};
pub use features::{features_csv, features_latex, features_markdown, features_terminal};
pub use html::{
    ClipEmbed, ClipMime, EmbeddedVideo, PAGE_START_BYTES, ReportInput, ScoringClips, ScoringEmbed,
    ScoringReportInput, ShownRow, begins_as_page, html, scoring_html_end, scoring_html_row,
    scoring_html_start,
};
pub use latex::latex;
pub use markdown::markdown;
pub use scoring::{
    ScoringJson, scoring_csv_heads, scoring_csv_line, scoring_json, scoring_json_clip, scoring_jsonl_line,
    scoring_latex, scoring_markdown, scoring_terminal,
};
pub use terminal::{Style, terminal_table};
pub use text::visible_line;
pub use vbench::{VbenchReport, vbench_csv, vbench_json, vbench_latex, vbench_markdown, vbench_terminal};
pub use vbench_check::vbench_check_terminal;
