//! A VBench total as text: for the terminal, Markdown, LaTeX and other programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vidbench_analysis::vbench_total::{DimensionScore, Mean, VbenchFigures, VbenchTotal};
use vidbench_core::vbench::{Dimension, VbenchSuite};

use crate::csv;
use crate::export::EXPORT_SCHEMA_VERSION;
use crate::number::count;
use crate::results::{Cell, Column, ResultTable, head};
use crate::terminal::{Style, note_text, paint, write_table};
use crate::text::{visible_line, wrapped};
use crate::{latex, markdown};

/// The contents of a report of a total.
#[derive(Debug, Clone, Copy)]
pub struct VbenchReport<'d> {
    /// The total.
    pub total: &'d VbenchTotal,
    /// How many videos each dimension was measured over, where the files say so.
    pub videos: &'d BTreeMap<Dimension, u64>,
    /// VBench's own figures, which count missing dimensions, when they were asked for.
    pub as_vbench: Option<&'d VbenchFigures>,
}

/// Dimensions that vidbench does not compute, each with the net that VBench uses for it.
const NOT_BUILT: [(Dimension, &str); 7] = [
    (Dimension::ObjectClass, "GRiT"),
    (Dimension::MultipleObjects, "GRiT"),
    (Dimension::Color, "GRiT"),
    (Dimension::SpatialRelationship, "GRiT"),
    (Dimension::Scene, "Tag2Text"),
    (Dimension::I2vBackground, "DreamSim"),
    (Dimension::CameraMotion, "CoTracker"),
];

/// The label of figures that count missing dimensions as 0.
const AS_VBENCH: &str = "as VBench counts";

/// The longest name of a mean.
const MEAN_NAME: usize = "semantic".len();

impl VbenchReport<'_> {
    fn measured(&self) -> usize {
        self.total.dimensions.iter().filter(|score| score.raw.is_some()).count()
    }

    /// `VBench: 16 of 16 dimensions`
    fn counts(&self) -> String {
        let all = self.total.dimensions.len();
        format!("{}: {} of {all} dimensions", self.total.suite.words(), self.measured())
    }

    /// What the total is, and whether it is comparable with the leaderboard's.
    fn headword(&self) -> (&'static str, bool) {
        match self.total.total {
            Mean::Complete(_) if self.has_fewer_videos() => {
                ("COMPLETE, BUT WITH FEWER VIDEOS THAN THE SUITE", false)
            }
            Mean::Complete(_) => ("COMPLETE", true),
            Mean::Incomplete { .. } => ("INCOMPLETE", false),
        }
    }

    /// The dimensions that each mean lacks, for tables whose cells have no room for them.
    fn lacks(&self) -> Vec<String> {
        let incomplete = self.means().into_iter().filter(|(_, mean)| mean.value().is_none());
        incomplete.map(|(name, mean)| format!("{name} is {}", mean_text(mean))).collect()
    }

    /// Name and value of each mean, the total last.
    fn means(&self) -> Vec<(&'static str, &Mean)> {
        let groups = self.total.groups.iter().map(|(group, mean)| (group.name(), mean));
        groups.chain([("total", &self.total.total)]).collect()
    }

    /// Name and value of each of VBench's own figures, the total last.
    fn figures(&self) -> Vec<(&'static str, f64)> {
        let of = |figures: &VbenchFigures| {
            let groups = figures.groups.iter().map(|(group, value)| (group.name(), *value));
            groups.chain([("total", figures.total)]).collect()
        };
        self.as_vbench.map(of).unwrap_or_default()
    }

    /// Whether a dimension was measured over fewer videos than the suite has for it, apart from those that VBench
    /// itself leaves out.
    fn has_fewer_videos(&self) -> bool {
        self.total.dimensions.iter().filter(|score| score.raw.is_some()).any(|score| {
            let dimension = score.normalisation.dimension;
            let may_be_fewer = [Dimension::Color, Dimension::TemporalFlickering].contains(&dimension);
            let (least, found) = (score.normalisation.videos(), self.videos.get(&dimension));
            found.is_some_and(|videos| *videos == 0 || (*videos < least && !may_be_fewer))
        })
    }

    /// Dimensions that were measured over fewer or more videos than the suite has, or over an unknown number.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for score in self.total.dimensions.iter().filter(|score| score.raw.is_some()) {
            let (dimension, wanted) = (score.normalisation.dimension, score.normalisation.videos());
            if let Some(&videos) = self.videos.get(&dimension).filter(|videos| **videos != wanted) {
                let dropped = if dimension == Dimension::Color {
                    "; VBench skips videos in which it finds no object"
                } else if dimension == Dimension::TemporalFlickering {
                    "; VBench's static filter may keep fewer"
                } else {
                    ""
                };
                let than = if videos < wanted { "fewer" } else { "more" };
                notes.push(format!(
                    "{}: {}, {than} than the suite's {wanted}{dropped}",
                    dimension.words(),
                    count(videos, "video")
                ));
            }
        }
        let missing = self.total.dimensions.iter().filter(|score| score.raw.is_none());
        for dimension in missing.map(|score| score.normalisation.dimension) {
            if let Some((_, net)) = NOT_BUILT.iter().find(|(known, _)| *known == dimension) {
                notes.push(format!(
                    "{}: not available: not implemented yet, because {net} is not among the nets; add a VBench result file for it",
                    dimension.words()
                ));
            }
        }
        let measured = self.total.dimensions.iter().filter(|score| score.raw.is_some());
        let silent =
            measured.filter(|score| !self.videos.contains_key(&score.normalisation.dimension)).count();
        if silent > 0 {
            let dimensions = count(silent as u64, "dimension");
            notes.push(format!("the files do not state the number of videos for {dimensions}"));
        }
        notes
    }
}

/// One line with the counts, the table, the means, and whatever does not fit the suite.
pub fn vbench_terminal(report: &VbenchReport<'_>, style: Style) -> String {
    let (word, stands) = report.headword();
    let word = paint(style, if stands { "1;32" } else { "1;33" }, word);
    let mut out = format!("{word}  {}\n\n", report.counts());
    write_table(&mut out, &table(report), style);
    for (name, mean) in report.means() {
        let text = format!("{name:<MEAN_NAME$}  {}", mean_text(mean));
        out += &wrapped(&text, style.width, MEAN_NAME + 2);
    }
    if report.as_vbench.is_some() {
        let words =
            format!("{}, with missing dimensions as 0; not a result to report", AS_VBENCH.to_uppercase());
        out += &format!("\n{}\n", paint(style, "1;31", &words));
        for (name, value) in report.figures() {
            out += &format!("{name:<MEAN_NAME$}  {}\n", percent(value));
        }
    }
    for note in report.notes() {
        out += &note_text(&note, style);
    }
    out
}

/// The counts, the table with the means below it, and the notes as GitHub-flavoured Markdown.
pub fn vbench_markdown(report: &VbenchReport<'_>) -> String {
    let mut out = format!("**{}** {}.\n\n", report.headword().0, report.counts());
    markdown::write_table(&mut out, &with_means(report));
    for note in report.lacks().into_iter().chain(report.notes()) {
        out += &format!("\n- {}", markdown::escaped(&note));
    }
    out.trim_end().to_owned() + "\n"
}

/// The table with the means below it as LaTeX with the booktabs package; notes are written as comments.
pub fn vbench_latex(report: &VbenchReport<'_>) -> String {
    let head = format!("{} {}", report.headword().0, report.counts());
    let notes = [head].into_iter().chain(report.lacks()).chain(report.notes());
    let notes: String = notes.map(|note| format!("% {}\n", visible_line(&note))).collect();
    notes + &latex::table(&with_means(report))
}

/// One line per dimension, then one per mean (`mean` in place of a group). A cell is empty where there is no number.
pub fn vbench_csv(report: &VbenchReport<'_>) -> String {
    let heads = "suite,name,group,raw,normalised,weight,min,max,videos,suite_videos,missing\r\n";
    let mut out = heads.to_owned();
    let suite = suite_key(report.total.suite);
    for score in &report.total.dimensions {
        let row = &score.normalisation;
        let cells = [
            suite.to_owned(),
            row.dimension.key().to_owned(),
            row.group.name().to_owned(),
            csv::optional(score.raw),
            csv::optional(score.normalised),
            csv::number(row.weight),
            csv::number(row.min),
            csv::number(row.max),
            csv::optional(report.videos.get(&row.dimension)),
            csv::number(row.videos()),
            String::new(),
        ];
        out += &(cells.join(",") + "\r\n");
    }
    for (name, mean) in report.means() {
        let missing = csv::text(&missing_words(mean));
        out += &format!("{suite},{name},mean,,{},,,,,,{missing}\r\n", csv::optional(mean.value()));
    }
    for (name, value) in report.figures() {
        out += &format!("{suite},{name} {AS_VBENCH},mean,,{value},,,,,,\r\n");
    }
    out
}

/// The whole report, with numbers as they were computed.
///
/// # Errors
/// A value that cannot be written as JSON, which the types rule out.
pub fn vbench_json(report: &VbenchReport<'_>) -> Result<Value, serde_json::Error> {
    let dimension = |score: &DimensionScore| {
        let row = &score.normalisation;
        json!({
            "dimension": row.dimension, "group": row.group, "raw": score.raw, "normalised": score.normalised,
            "min": row.min, "max": row.max, "weight": row.weight,
            "videos": report.videos.get(&row.dimension), "suite_videos": row.videos(),
        })
    };
    let groups = report.total.groups.iter().map(|(group, mean)| (group.name().to_owned(), json!(mean)));
    Ok(json!({
        "schema_version": EXPORT_SCHEMA_VERSION,
        "suite": report.total.suite,
        "dimensions": report.total.dimensions.iter().map(dimension).collect::<Vec<_>>(),
        "groups": groups.collect::<serde_json::Map<_, _>>(),
        "total": report.total.total,
        "as_vbench": serde_json::to_value(report.as_vbench)?,
        "notes": report.notes(),
    }))
}

fn suite_key(suite: VbenchSuite) -> &'static str {
    match suite {
        VbenchSuite::T2v => "t2v",
        VbenchSuite::I2v => "i2v",
    }
}

/// `82.20 %`: papers and the leaderboard give percent with two digits.
fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn mean_text(mean: &Mean) -> String {
    match mean {
        Mean::Complete(value) => percent(*value),
        Mean::Incomplete { .. } => format!("incomplete: missing {}", missing_words(mean)),
    }
}

fn missing_words(mean: &Mean) -> String {
    match mean {
        Mean::Complete(_) => String::new(),
        Mean::Incomplete { missing } => {
            missing.iter().map(|dimension| dimension.words()).collect::<Vec<_>>().join(", ")
        }
    }
}

fn table(report: &VbenchReport<'_>) -> ResultTable {
    let rows = report.total.dimensions.iter().map(|score| {
        let row = &score.normalisation;
        let digits = |value: f64| Cell::number(format!("{value:.4}"), value);
        let number = |value: Option<f64>| value.map_or_else(|| Cell::none(""), digits);
        let videos = report.videos.get(&row.dimension);
        vec![
            Cell::text(row.dimension.words()),
            Cell::text(row.group.name()),
            number(score.raw),
            number(score.normalised),
            Cell::number(row.weight.to_string(), row.weight),
            videos.map_or_else(
                || Cell::none(""),
                |count| Cell::number(format!("{count}/{}", row.videos()), *count as f64),
            ),
        ]
    });
    ResultTable { columns: columns(), rows: rows.collect() }
}

fn columns() -> Vec<Column> {
    vec![
        head("dimension", "", "what VBench measures"),
        head("group", "", "the mean it contributes to"),
        head("raw", "", "as measured"),
        head("normalised", "", "scaled from worst to best in VBench's table"),
        head("weight", "", "within its group"),
        head("videos", "of suite", "videos it was measured on"),
    ]
}

fn with_means(report: &VbenchReport<'_>) -> ResultTable {
    let mut table = table(report);
    let mut line = |name: String, value: String| {
        let [empty, none, last] = [(); 3].map(|()| Cell::text(""));
        table.rows.push(vec![Cell::text(name), Cell::text("mean"), empty, Cell::text(value), none, last]);
    };
    for (name, mean) in report.means() {
        line(name.to_owned(), mean.value().map_or("incomplete".into(), percent));
    }
    for (name, value) in report.figures() {
        line(format!("{name} {AS_VBENCH}"), percent(value));
    }
    table
}
