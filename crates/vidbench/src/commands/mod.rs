//! One file per command. Each reads its arguments, calls the library and prints.

pub(crate) mod backup;
mod backup_schedule;
pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod doctor_watch;
pub(crate) mod env;
pub(crate) mod export;
pub(crate) mod features;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod metrics;
pub(crate) mod models;
pub(crate) mod nets;
pub(crate) mod page_file;
pub(crate) mod prompts;
mod recovery;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod score;
mod scorers;
pub(crate) mod vbench;
pub(crate) mod worker;

use vidbench_report::visible_line;

/// An error that the person can fix.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UserError {
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
}

impl UserError {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hints: vec![hint.into()] }
    }
}

/// Rows as a table: columns as wide as their widest cell, two blanks between them. Characters that a terminal would
/// obey are escaped.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let escaped = |row: &Vec<String>| row.iter().map(|cell| visible_line(cell).into_owned()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(escaped).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..).map_while(width).collect();
    let mut text = String::new();
    for row in &rows {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `1 sample`, `2 samples`.
pub(crate) fn counted(number: impl Into<u64>, what: &str) -> String {
    let number: u64 = number.into();
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A number of bytes in SI units, as disks and servers count: `12.3 MB`.
pub(crate) fn bytes_text(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} B"),
    }
}

/// Pretty JSON that ends with a line feed.
pub(crate) fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn lengths_are_in_the_largest_unit_that_they_fill() {
        let texts = [0, 999, 1000, 12_345_678, 2_020_000_000].map(super::bytes_text);
        assert_eq!(texts, ["0 B", "999 B", "1.0 kB", "12.3 MB", "2.0 GB"]);
    }

    #[test]
    fn columns_are_aligned_and_lines_are_trimmed() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        assert_eq!(super::columns(&[row("id", "title"), row("long-id", "")]), "id       title\nlong-id\n");
        assert_eq!(super::columns(&[row("\u{1b}[31m", "a\nb")]), "\\u{1b}[31m  a\\nb\n");
    }
}
