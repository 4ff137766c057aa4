//! Where the time of a sample goes, as shares of the service time.

use std::fmt::Write as _;

use vidbench_analysis::{Group, StageMean};
use vidbench_core::protocol::Stage;

use super::escape::escape;
use super::svg;
use super::{Page, details_table, open_section};
use crate::number::{percent, secs};
use crate::text::shortened;

const WIDTH: f64 = 1040.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 920.0;
const ROW: f64 = 34.0;
const BAR: f64 = 18.0;

pub(super) fn write(out: &mut String, page: Page<'_>) {
    let groups: Vec<&Group> = page
        .input
        .analysis
        .groups
        .iter()
        .filter(|group| group.service.is_some() && !group.stages.is_empty())
        .collect();
    if groups.is_empty() {
        return;
    }
    open_section(
        out,
        "stages",
        "Stages",
        "Mean share of the service time. Time that no stage accounts for is unattributed; the table also lists time outside the timed window.",
    );
    *out += "<figure>\n";
    legend(out, &groups);
    let height = ROW * groups.len() as f64 + 8.0;
    svg::open(
        out,
        WIDTH,
        height,
        "Share of each stage in the service time",
        "The table below lists the values",
    );
    for (at, group) in groups.iter().enumerate() {
        bar(out, group, 4.0 + ROW * at as f64);
    }
    svg::close(out);
    table(out, &groups);
    *out += "</figure>\n</section>\n";
}

fn inside<'g>(groups: &[&'g Group]) -> Vec<&'g StageMean> {
    let mut stages: Vec<&StageMean> =
        groups.iter().flat_map(|group| &group.stages).filter(|stage| stage.is_inside()).collect();
    stages.sort_by_key(|stage| stage.stage);
    stages.dedup_by_key(|stage| stage.stage);
    stages
}

fn legend(out: &mut String, groups: &[&Group]) {
    *out += "<ul class=\"legend\">";
    for stage in inside(groups) {
        let name = stage.stage.name();
        let _ = write!(
            out,
            "<li><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect class=\"stage {name}\" width=\"12\" height=\"12\"/></svg>{}</li>",
            escape(&name.replace('_', " "))
        );
    }
    *out += "</ul>\n";
}

fn bar(out: &mut String, group: &Group, y: f64) {
    let Some(service) = &group.service else { return };
    svg::text(out, "row-label", (LEFT - 14.0, y + BAR - 4.0), "end", &shortened(&group.label, 24));
    let total: f64 = group.stages.iter().map(|stage| stage.inside_secs).sum();
    let mut x = LEFT;
    for stage in group.stages.iter().filter(|stage| stage.inside_secs > 0.0 && total > 0.0) {
        let share = stage.inside_secs / total;
        let width = share * (RIGHT - LEFT);
        let title = format!("{}: {} ({})", stage.stage.name(), secs(stage.inside_secs), percent(share));
        let _ = write!(
            out,
            "<rect class=\"stage {}\" x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{BAR}\"><title>{}</title></rect>",
            stage.stage.name(),
            escape(&title)
        );
        if width > 56.0 && stage.stage == Stage::Denoise {
            svg::text(out, "bar-text", (x + width / 2.0, y + BAR - 5.0), "middle", &percent(share));
        }
        x += width;
    }
    svg::text(out, "row-value", (RIGHT + 12.0, y + BAR - 4.0), "start", &secs(service.mean));
}

fn table(out: &mut String, groups: &[&Group]) {
    let mut rows = Vec::new();
    for group in groups {
        let total: f64 = group.stages.iter().map(|stage| stage.inside_secs).sum();
        for stage in &group.stages {
            let share = if total > 0.0 { percent(stage.inside_secs / total) } else { String::new() };
            rows.push(vec![
                group.label.clone(),
                stage.stage.name().replace('_', " "),
                secs(stage.inside_secs),
                share,
                if stage.outside_secs > 0.0 { secs(stage.outside_secs) } else { String::new() },
            ]);
        }
    }
    details_table(
        out,
        "Plot data",
        &["Group", "Stage", "inside the window", "share", "outside the window"],
        &rows,
    );
}
