//! The report of a run for a terminal: the verdict, the table, the notes.

use vidbench_analysis::{RunAnalysis, RunVerdict};
use vidbench_core::{MetricDescriptor, RunData};

use crate::results::{Cell, Column, ResultTable, result_table};
use crate::text::{visible_line, wrapped};

/// How text for a terminal is formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Use ANSI sequences for colour and bold. No information is given by colour alone.
    pub color: bool,
    /// Columns of the terminal; a wider table continues in blocks below.
    pub width: usize,
}

/// Blanks between columns.
const GAP: usize = 2;

/// The verdict in one line, then the table, then the notes.
pub fn terminal_table(
    data: &RunData,
    analysis: &RunAnalysis,
    descriptors: &[MetricDescriptor],
    style: Style,
) -> String {
    let mut out = headline(data, analysis, style);
    out.push('\n');
    let table = result_table(analysis, descriptors);
    write_table(&mut out, &table, style);
    if table.rows.iter().flatten().any(|cell| cell.best) {
        out += "* best in its domain, or indistinguishable from the best; ± and ranges are 95 % intervals\n";
    }
    for note in &analysis.notes {
        out += &paint(style, "2", "note: ");
        out += &visible_line(&note.text);
        out.push('\n');
        if let Some(hint) = &note.hint {
            out += &format!("      {} {}\n", paint(style, "2", "hint:"), visible_line(hint));
        }
    }
    out
}

/// Writes the table, in blocks that fit the terminal.
pub(crate) fn write_table(out: &mut String, table: &ResultTable, style: Style) {
    for block in blocks(table, style.width) {
        write_block(out, table, &block, style);
        out.push('\n');
    }
}

/// The verdict in a few words, without colour.
pub(crate) fn verdict_words(analysis: &RunAnalysis) -> &'static str {
    match &analysis.verdict {
        RunVerdict::Valid => "VALID",
        RunVerdict::ValidWithFailures { .. } => "VALID WITH FAILURES",
        RunVerdict::Invalid { .. } if analysis.judged < analysis.planned => "INCOMPLETE",
        RunVerdict::Invalid { .. } => "INVALID",
    }
}

/// One sentence with the counts.
pub(crate) fn counts(analysis: &RunAnalysis) -> String {
    let not_needed = match analysis.not_needed {
        0 => String::new(),
        count => format!(", {count} not needed"),
    };
    let not_done = match analysis.planned.saturating_sub(analysis.judged) {
        0 => String::new(),
        count => format!(", {count} not done"),
    };
    format!(
        "{} of {} samples ok, {} failed{not_needed}{not_done}",
        analysis.ok,
        analysis.planned,
        analysis.failed()
    )
}

fn headline(data: &RunData, analysis: &RunAnalysis, style: Style) -> String {
    let (code, reasons) = match &analysis.verdict {
        RunVerdict::Valid => ("1;32", &[][..]),
        RunVerdict::ValidWithFailures { .. } => ("1;33", &[][..]),
        RunVerdict::Invalid { reasons } => ("1;31", reasons.as_slice()),
    };
    let verdict = paint(style, code, verdict_words(analysis));
    let mut out = format!("{verdict}  run {}: {}\n", data.run.id, counts(analysis));
    for reason in reasons {
        out += &format!("  because {}\n", visible_line(reason));
    }
    out
}

pub(crate) fn paint(style: Style, code: &str, text: &str) -> String {
    if style.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A note, broken into lines that fit.
pub(crate) fn note_text(note: &str, style: Style) -> String {
    wrapped(&format!("note: {note}"), style.width, "note: ".len()).replacen(
        "note:",
        &paint(style, "2", "note:"),
        1,
    )
}

/// Groups the columns into blocks that fit beside the first column; a column wider than the terminal gets a block of
/// its own.
fn blocks(table: &ResultTable, width: usize) -> Vec<Vec<usize>> {
    let widths: Vec<usize> = (0..table.columns.len()).map(|at| column_width(table, at)).collect();
    let first = widths.first().copied().unwrap_or(0);
    let mut blocks = vec![vec![0]];
    let mut used = first;
    for (at, column) in widths.iter().enumerate().skip(1) {
        let Some(block) = blocks.last_mut() else { break };
        if used + GAP + column > width && block.len() > 1 {
            blocks.push(vec![0, at]);
            used = first + GAP + column;
        } else {
            block.push(at);
            used += GAP + column;
        }
    }
    blocks
}

fn column_width(table: &ResultTable, at: usize) -> usize {
    let cells = table.rows.iter().filter_map(|row| row.get(at));
    let heads = table.columns.get(at).map_or(0, |column| chars(&column.title).max(chars(&column.unit)));
    cells.map(|cell| chars(&cell_text(cell)).max(detail_width(cell))).fold(heads, usize::max)
}

fn detail_width(cell: &Cell) -> usize {
    chars(&cell.detail)
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// The text of a cell. Every cell has room for the star, so that digits stay aligned.
fn cell_text(cell: &Cell) -> String {
    match cell.sort {
        Some(_) => format!("{}{}", cell.text, if cell.best { '*' } else { ' ' }),
        None => cell.text.clone(),
    }
}

fn write_block(out: &mut String, table: &ResultTable, block: &[usize], style: Style) {
    let head = |text: fn(&Column) -> &str| {
        line(table, block, |at| {
            table.columns.get(at).map(|column| text(column).to_owned()).unwrap_or_default()
        })
    };
    out.push_str(&paint(style, "1", &head(|column| &column.title)));
    out.push('\n');
    out.push_str(&paint(style, "2", &head(|column| &column.unit)));
    out.push('\n');
    for row in &table.rows {
        out.push_str(&line(table, block, |at| row.get(at).map(cell_text).unwrap_or_default()));
        out.push('\n');
        let details =
            line(table, block, |at| row.get(at).map(|cell| cell.detail.clone()).unwrap_or_default());
        if !details.is_empty() {
            out.push_str(&paint(style, "2", &details));
            out.push('\n');
        }
    }
}

fn line(table: &ResultTable, block: &[usize], text: impl Fn(usize) -> String) -> String {
    let mut out = String::new();
    for (position, at) in block.iter().enumerate() {
        let (text, width) = (text(*at), column_width(table, *at));
        if position == 0 {
            out += &format!("{text:<width$}");
        } else {
            out += &format!("{:GAP$}{text:>width$}", "");
        }
    }
    out.trim_end().to_owned()
}
