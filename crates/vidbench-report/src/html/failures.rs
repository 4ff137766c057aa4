//! Every failed sample with its reason.

use super::{Page, open_section, plain_table};

/// Most rows in the page.
const MAX_ROWS: usize = 500;

pub(super) fn write(out: &mut String, page: Page<'_>) {
    let failed: Vec<_> =
        page.joined.samples.iter().filter(|sample| sample.record.verdict.outcome.is_failure()).collect();
    if failed.is_empty() {
        return;
    }
    let lead = if failed.len() > MAX_ROWS {
        format!("The first {MAX_ROWS} of {} failed samples; exports contain all of them.", failed.len())
    } else {
        format!("All {} failed samples. No mean includes them.", failed.len())
    };
    open_section(out, "failures", "Failures", &lead);
    let rows: Vec<Vec<String>> = failed
        .iter()
        .take(MAX_ROWS)
        .map(|sample| {
            let verdict = &sample.record.verdict;
            vec![
                sample.record.ordinal.to_string(),
                verdict.outcome.name().to_owned(),
                verdict.reason.clone().unwrap_or_else(|| "no reason recorded".into()),
                sample.model.id.to_string(),
                sample.params.describe(),
                sample.prompt.text.clone(),
                sample.planned.seed.to_string(),
                sample.planned.id.to_string(),
            ]
        })
        .collect();
    let heads = ["#", "Outcome", "Reason", "Model", "Parameters", "Prompt", "Seed", "Sample"];
    plain_table(out, "Failures", &heads, &rows);
    *out += "</section>\n";
}
