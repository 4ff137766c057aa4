//! The results table, sortable by its headers.

use super::escape::escape;
use super::{Page, open_section};
use crate::results::{Cell, ResultTable, result_table};

pub(super) fn write(out: &mut String, page: Page<'_>) {
    let table = result_table(page.input.analysis, page.input.descriptors);
    open_section(
        out,
        "results",
        "Results",
        "One row per model and parameter set. ± and ranges are 95 % intervals; every mean is shown with its n.",
    );
    write_table(out, &table);
    if table.rows.iter().flatten().any(|cell| cell.best) {
        *out += "<p class=\"key\"><span class=\"star\">★</span> best in its domain, or indistinguishable from the best</p>\n";
    }
    left_out(out, page);
    *out += "</section>\n";
}

/// Writes the table, sortable by its headers.
pub(super) fn write_table(out: &mut String, table: &ResultTable) {
    *out += "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Results\"><table class=\"results sortable\"><thead><tr>\n";
    for column in &table.columns {
        *out += &format!(
            "<th scope=\"col\" title=\"{}\"><span class=\"name\">{}</span><span class=\"unit\">{}</span></th>\n",
            escape(&column.help),
            escape(&column.title),
            escape(&column.unit)
        );
    }
    *out += "</tr></thead><tbody>\n";
    for row in &table.rows {
        *out += "<tr>";
        for (at, cell) in row.iter().enumerate() {
            write_cell(out, at, cell);
        }
        *out += "</tr>\n";
    }
    *out += "</tbody></table></div>\n";
}

fn write_cell(out: &mut String, at: usize, cell: &Cell) {
    let (open, close) = if at == 0 { ("th scope=\"row\"", "th") } else { ("td", "td") };
    let sort = cell.sort.map(|sort| format!(" data-sort=\"{sort}\"")).unwrap_or_default();
    let class = if cell.alarming { " class=\"alarm\"" } else { "" };
    *out += &format!("<{open}{class}{sort}><span class=\"v\">{}", escape(&cell.text));
    if cell.best {
        *out +=
            "<span class=\"star\" title=\"best in its domain, or indistinguishable from the best\">★</span>";
    }
    *out += "</span>";
    if !cell.detail.is_empty() {
        // Keep `n 48` together: a line may break before it but not inside it.
        let detail = escape(&cell.detail).replace(", n ", ", n\u{a0}");
        *out += &format!("<span class=\"d\">{detail}</span>");
    }
    *out += &format!("</{close}>");
}

fn left_out(out: &mut String, page: Page<'_>) {
    let analysis = page.input.analysis;
    if analysis.unranked.is_empty() {
        return;
    }
    let label =
        |index: usize| analysis.groups.get(index).map_or_else(String::new, |group| group.label.clone());
    let rows: Vec<Vec<String>> = analysis
        .unranked
        .iter()
        .map(|left| vec![label(left.group), left.metric.to_string(), left.reason.clone()])
        .collect();
    super::details_table(out, "Not ranked, and why", &["Group", "Metric", "Reason"], &rows);
}
