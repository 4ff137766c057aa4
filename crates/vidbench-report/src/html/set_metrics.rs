//! Metrics of whole sets of clips, with the facts needed to judge them.

use vidbench_core::{Score, SetScore};

use super::{Page, open_section, plain_table};
use crate::number::{NONE, decimals_for};

pub(super) fn write(out: &mut String, page: Page<'_>) {
    let groups = &page.input.analysis.groups;
    if groups.iter().all(|group| group.set_scores.is_empty()) {
        return;
    }
    open_section(
        out,
        "sets",
        "Set metrics",
        "All clips of a group against a reference set. The floor is one half of the reference set against the other; expect no lower value. Fewer than two clips per dimension bias the value upwards.",
    );
    let mut rows = Vec::new();
    for group in groups {
        rows.extend(group.set_scores.iter().map(|score| row(&group.label, score)));
    }
    let heads = ["Group", "Metric", "Value", "95 % interval", "Floor", "n clips", "Dimensions", "Power"];
    plain_table(out, "Set metrics", &heads, &rows);
    *out += "</section>\n";
}

fn row(label: &str, score: &SetScore) -> Vec<String> {
    let value = score.score.value();
    let decimals = value.map_or(0, |value| decimals_for(value, 3));
    let number = |value: f64| format!("{value:.decimals$}");
    vec![
        label.to_owned(),
        score.metric.to_string(),
        match &score.score {
            Score::Value(value) => number(*value),
            Score::NotAvailable { reason } => format!("not available: {reason}"),
        },
        score
            .interval
            .map_or_else(|| NONE.into(), |(low, high)| format!("{} to {}", number(low), number(high))),
        score.floor.map_or_else(|| NONE.into(), number),
        score.n.to_string(),
        score.dims.to_string(),
        if score.underpowered { "⚠ underpowered" } else { "enough clips" }.into(),
    ]
}
