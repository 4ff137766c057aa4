//! A results table for a paper: LaTeX with the booktabs package.

use vidbench_analysis::RunAnalysis;
use vidbench_core::MetricDescriptor;

use crate::results::{Cell, ResultTable, result_table};
use crate::text::visible_line;

/// The result table of a run as LaTeX with the booktabs package.
pub fn latex(analysis: &RunAnalysis, descriptors: &[MetricDescriptor]) -> String {
    table(&result_table(analysis, descriptors))
}

/// A `tabular` with one row per group, and the details of its values (n, extremes) below them in small print.
pub(crate) fn table(table: &ResultTable) -> String {
    let columns = "r".repeat(table.columns.len().saturating_sub(1));
    let mut out = format!("% \\usepackage{{booktabs}}\n\\begin{{tabular}}{{l{columns}}}\n\\toprule\n");
    out += &row(table.columns.iter().map(|column| escaped(&column.title)));
    out += &row(table.columns.iter().map(|column| escaped(&column.unit)));
    out += "\\midrule\n";
    for cells in &table.rows {
        out += &row(cells.iter().map(cell));
        if cells.iter().any(|cell| !cell.detail.is_empty()) {
            out += &row(cells.iter().map(detail));
        }
    }
    out + "\\bottomrule\n\\end{tabular}\n"
}

fn cell(cell: &Cell) -> String {
    let text = escaped(&cell.text);
    if cell.best { format!("\\textbf{{{text}}}") } else { text }
}

fn detail(cell: &Cell) -> String {
    if cell.detail.is_empty() { String::new() } else { format!("{{\\scriptsize {}}}", escaped(&cell.detail)) }
}

fn row(cells: impl Iterator<Item = String>) -> String {
    format!("{} \\\\\n", cells.collect::<Vec<_>>().join(" & "))
}

/// Escapes text so that LaTeX prints it instead of obeying it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in visible_line(text).chars().enumerate() {
        match c {
            // At the beginning of a row these would be read as arguments of the `\\` before it.
            '[' | '*' if at == 0 => out.extend(['{', c, '}']),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '±' => out.push_str("$\\pm$"),
            '↑' => out.push_str("$\\uparrow$"),
            '↓' => out.push_str("$\\downarrow$"),
            '–' => out.push_str("--"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Column;

    #[test]
    fn what_stands_below_a_value_is_in_small_print() {
        let column = |title: &str| Column { title: title.into(), unit: String::new(), help: String::new() };
        let value = Cell { detail: "n 48".into(), ..Cell::text("0.99 ± 0.01") };
        let rows = vec![vec![Cell::text("a"), value], vec![Cell::text("b"), Cell::text("–")]];
        let text = table(&ResultTable { columns: vec![column("model"), column("PSNR")], rows });
        let body = text.split("\\midrule\n").nth(1).unwrap();
        let rows = "a & 0.99 $\\pm$ 0.01 \\\\\n & {\\scriptsize n 48} \\\\\nb & -- \\\\\n";
        assert_eq!(body, format!("{rows}\\bottomrule\n\\end{{tabular}}\n"));
    }

    #[test]
    fn nothing_in_a_name_is_obeyed() {
        assert_eq!(
            escaped("a_b & \\input{x} 50 % ± ↑"),
            "a\\_b \\& \\textbackslash{}input\\{x\\} 50 \\% $\\pm$ $\\uparrow$"
        );
        assert_eq!(["[x]*", "*star"].map(escaped), ["{[}x]*", "{*}star"]);
    }
}
