//! The results as Markdown, for a README, a pull request or a paper's notes.

use vidbench_analysis::{RunAnalysis, RunVerdict};
use vidbench_core::{MetricDescriptor, RunData};

use crate::results::{Cell, ResultTable, result_table};
use crate::terminal::{counts, verdict_words};
use crate::text::visible_line;

/// The verdict, the table and the notes as GitHub-flavoured Markdown.
pub fn markdown(data: &RunData, analysis: &RunAnalysis, descriptors: &[MetricDescriptor]) -> String {
    let mut out = format!("**{}** run `{}`: {}.\n\n", verdict_words(analysis), data.run.id, counts(analysis));
    if let RunVerdict::Invalid { reasons } = &analysis.verdict {
        for reason in reasons {
            out += &format!("- {}\n", escaped(reason));
        }
        out.push('\n');
    }
    let table = result_table(analysis, descriptors);
    write_table(&mut out, &table);
    out +=
        "\nBold: best in its domain, or indistinguishable from the best. ± and ranges are 95 % intervals.\n";
    for note in &analysis.notes {
        out += &format!("\n- {}", escaped(&note.text));
    }
    out.trim_end().to_owned() + "\n"
}

/// Writes a table with its header.
pub(crate) fn write_table(out: &mut String, table: &ResultTable) {
    let heads =
        table.columns.iter().map(|column| format!("{} {}", column.title, column.unit).trim().to_owned());
    *out += &row(heads.map(|head| escaped(&head)));
    *out += &row(table
        .columns
        .iter()
        .enumerate()
        .map(|(at, _)| if at == 0 { "---".into() } else { "---:".into() }));
    for cells in &table.rows {
        *out += &row(cells.iter().map(cell));
    }
}

fn cell(cell: &Cell) -> String {
    let text = escaped(&cell.text);
    let text = if cell.best { format!("**{text}**") } else { text };
    if cell.detail.is_empty() { text } else { format!("{text} ({})", escaped(&cell.detail)) }
}

fn row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// Escapes text so that Markdown shows it instead of obeying it: one line, a backslash before every mark with a
/// meaning, no HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible_line(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
