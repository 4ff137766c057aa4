//! The verdict, the key facts and the notes.

use vidbench_analysis::RunVerdict;
use vidbench_core::{Domain, rfc3339};

use super::Page;
use super::escape::escape;
use crate::number::{count, percent, secs};
use crate::terminal::{counts, verdict_words};

pub(super) fn write(out: &mut String, page: Page<'_>) {
    let (data, analysis) = (page.input.data, page.input.analysis);
    let (class, sign) = match &analysis.verdict {
        RunVerdict::Valid => ("good", "✓"),
        RunVerdict::ValidWithFailures { .. } => ("mixed", "!"),
        RunVerdict::Invalid { .. } => ("bad", "✕"),
    };
    *out += "<header class=\"top\">\n<div class=\"bar\"><p class=\"brand\">vidbench <span>run report</span></p>\
             <button type=\"button\" id=\"theme\" hidden>Theme: auto</button></div>\n";
    *out += &format!("<h1>{}</h1>\n", escape(&data.run.suite.name));
    *out += &format!(
        "<p class=\"verdict {class}\"><strong><span aria-hidden=\"true\">{sign}</span> {}</strong> {}</p>\n",
        verdict_words(analysis),
        escape(&counts(analysis))
    );
    if let RunVerdict::Invalid { reasons } = &analysis.verdict {
        *out += "<ul class=\"reasons\">";
        for reason in reasons {
            *out += &format!("<li>{}</li>", escape(reason));
        }
        *out += "</ul>\n";
    }
    facts(out, page);
    notes(out, page);
    *out += "</header>\n";
}

fn facts(out: &mut String, page: Page<'_>) {
    let (data, analysis) = (page.input.data, page.input.analysis);
    let (suite, environment) = (&data.run.suite, &data.run.environment);
    let machine = match environment.accelerators.as_slice() {
        [] => format!("{}, {}", environment.cpu, count(u64::from(environment.cores), "core")),
        some => some.join(", "),
    };
    let mut facts = vec![
        ("Run", data.run.id.to_string()),
        ("Started", rfc3339(data.run.created_ms)),
        ("Models", models(page)),
        ("Samples", sizes(page)),
        (
            "Scenario",
            format!(
                "{}, {} before each group",
                suite.scenario.kind.name(),
                count(u64::from(suite.scenario.warmup), "warm-up")
            ),
        ),
        ("Machine", machine),
    ];
    if let Some(overhead) = &analysis.overhead {
        let text =
            format!("{}, of which the harness {}", secs(overhead.wall_secs), percent(overhead.share_of_wall));
        facts.push(("Wall time", text));
    }
    *out += "<dl class=\"facts\">\n";
    for (name, value) in facts {
        *out += &format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(&value.replace(" %", "\u{a0}%")));
    }
    *out += "</dl>\n";
}

fn models(page: Page<'_>) -> String {
    let groups = &page.input.analysis.groups;
    let of = |model: &vidbench_core::ResolvedModel| {
        // A model without a group had no needed samples.
        let group = groups.iter().find(|group| group.model == model.id)?;
        Some(match group.domain {
            Some(Domain::Open) => model.id.to_string(),
            Some(other) => format!("{} ({})", model.id, other.name()),
            None => format!("{} (domain unknown)", model.id),
        })
    };
    page.input.data.run.suite.models.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

fn sizes(page: Page<'_>) -> String {
    let suite = &page.input.data.run.suite;
    let sets: usize = suite.models.iter().map(|model| model.params.len()).sum();
    let mut text = format!(
        "{} × {} × {}",
        count(suite.prompts.len() as u64, "prompt"),
        count(suite.seeds.len() as u64, "seed"),
        count(sets as u64, if suite.models.len() > 1 { "group" } else { "parameter set" })
    );
    if suite.repeats > 1 {
        text += &format!(" × {} repeats", suite.repeats);
    }
    text
}

fn notes(out: &mut String, page: Page<'_>) {
    let notes = &page.input.analysis.notes;
    if notes.is_empty() {
        return;
    }
    *out += &format!(
        "<details class=\"notes\" open><summary>{}</summary>\n<ul>\n",
        count(notes.len() as u64, "note")
    );
    for note in notes {
        *out += &format!("<li>{}", escape(&note.text));
        if let Some(hint) = &note.hint {
            *out += &format!(" <span class=\"hint\">{}</span>", escape(hint));
        }
        *out += "</li>\n";
    }
    *out += "</ul></details>\n";
}
