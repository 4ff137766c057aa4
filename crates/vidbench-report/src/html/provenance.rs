//! Where every number comes from, and how to repeat the run.

use vidbench_core::{NetsInUse, PoolStats, RunData, Session, WeightsOrigin, rfc3339};

use super::escape::escape;
use super::{Page, details_table, open_section, plain_table};
use crate::number::{NONE, bytes, secs};
use crate::text::{shell_command, visible};

pub(super) fn write(out: &mut String, page: Page<'_>) {
    open_section(out, "provenance", "Provenance", "");
    let data = page.input.data;
    facts(out, data);
    *out += "<h3>Models</h3>\n";
    models(out, data);
    *out += "<h3>Sessions</h3>\n";
    sessions(out, data);
    workers(out, data);
    held(out, data);
    *out += "<h3>Metrics</h3>\n";
    metrics(out, page);
    prompts(out, data);
    *out += "</section>\n";
    reproduce(out, data);
}

fn facts(out: &mut String, data: &RunData) {
    let (run, environment) = (&data.run, &data.run.environment);
    let suite = &run.suite.prompt_suite;
    let seeds: Vec<String> = run.suite.seeds.iter().take(20).map(u64::to_string).collect();
    let more = if run.suite.seeds.len() > 20 {
        format!(" and {} more", run.suite.seeds.len() - 20)
    } else {
        String::new()
    };
    let accelerators = if environment.accelerators.is_empty() {
        "none found".into()
    } else {
        environment.accelerators.join(", ")
    };
    *out += "<dl class=\"origin\">\n";
    for (name, value) in [
        ("Tool", format!("vidbench {}", environment.tool_version)),
        ("Plan", format!("{} samples, SHA-256 {}", run.planned, run.plan_hash)),
        ("Prompt suite", format!("{} version {}, SHA-256 {}", suite.name, suite.version, suite.sha256)),
        ("Seeds", seeds.join(", ") + &more),
        ("Started", rfc3339(run.created_ms)),
        ("Finished", run.finished_ms.map_or_else(|| run.status.name().into(), rfc3339)),
        ("System", environment.os.clone()),
        (
            "Processor",
            format!(
                "{}, {} cores, {}",
                environment.cpu,
                environment.cores,
                environment.memory_bytes.map_or_else(|| "memory unknown".into(), bytes)
            ),
        ),
        ("Accelerators", accelerators),
        ("Video libraries", environment.video_libraries()),
        ("Nets", environment.nets.as_ref().map_or_else(|| NONE.into(), NetsInUse::described)),
        ("Percentiles", vidbench_analysis::percentile::DEFINITION.into()),
    ] {
        *out += &format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(&value));
    }
    *out += "</dl>\n";
}

fn models(out: &mut String, data: &RunData) {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for entry in data.sessions.iter().flat_map(|session| &session.models) {
        let model = &entry.model;
        let weights = match &model.weights {
            WeightsOrigin::Sha256(hash) => format!("SHA-256 {hash}"),
            WeightsOrigin::Random => "random".into(),
            WeightsOrigin::Unknown => "unknown".into(),
        };
        let row = vec![
            model.id.to_string(),
            model.revision.clone().unwrap_or_else(|| NONE.into()),
            weights,
            model.domain.name().into(),
            model.runtime.clone(),
            model.device.clone().unwrap_or_else(|| NONE.into()),
            entry.worker.clone(),
        ];
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    plain_table(
        out,
        "Models",
        &["Model", "Revision", "Weights", "Domain", "Runtime", "Device", "Worker"],
        &rows,
    );
}

fn sessions(out: &mut String, data: &RunData) {
    let heads = ["#", "Started", "Wall", "Load", "Warm-up", "Generate", "Encode", "Score", "Wait", "Harness"];
    let rows: Vec<Vec<String>> = data
        .sessions
        .iter()
        .map(|session| {
            let mut row = vec![session.index.to_string(), rfc3339(session.started_ms)];
            match &session.ledger {
                Some(ledger) => row.extend(
                    [
                        ledger.wall_secs,
                        ledger.load_secs,
                        ledger.warmup_secs,
                        ledger.generate_secs,
                        ledger.encode_secs,
                        ledger.score_secs,
                        ledger.wait_secs,
                        ledger.harness_secs(),
                    ]
                    .map(secs),
                ),
                None => row.push("killed: no ledger".into()),
            }
            row.resize(heads.len(), String::new());
            row
        })
        .collect();
    plain_table(out, "Sessions", &heads, &rows);
}

/// What the pool did with loaded workers, and how many clips were scored in parallel.
fn workers(out: &mut String, data: &RunData) {
    let heads = ["#", "Loaded", "Already loaded", "Evicted", "Loading", "Scoring, all scorers"];
    let row = |session: &Session| {
        let ledger = session.ledger?;
        let PoolStats { hits, loads, evictions, load_secs } = ledger.pool;
        let counts = [loads, hits, evictions].map(|count| count.to_string());
        let index = session.index.to_string();
        Some([index].into_iter().chain(counts).chain([load_secs, ledger.scorer_secs].map(secs)).collect())
    };
    let rows: Vec<Vec<String>> = data.sessions.iter().filter_map(row).collect();
    if !rows.is_empty() {
        plain_table(out, "Workers", &heads, &rows);
    }
}

/// The limits of workers, each line once.
fn held(out: &mut String, data: &RunData) {
    let mut lines: Vec<String> = Vec::new();
    for line in data.sessions.iter().flat_map(|session| &session.held).map(ToString::to_string) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if !lines.is_empty() {
        *out += "<dl class=\"origin\">\n";
        *out += &format!("<div><dt>Confinement</dt><dd>{}</dd></div>\n</dl>\n", escape(&lines.join("; ")));
    }
}

fn metrics(out: &mut String, page: Page<'_>) {
    let row = |id: &vidbench_core::MetricId| match page
        .input
        .descriptors
        .iter()
        .find(|known| known.id == id.as_str())
    {
        Some(known) => {
            vec![
                id.to_string(),
                known.title.into(),
                known.unit.into(),
                known.direction.arrow().into(),
                known.nets.join(", "),
            ]
        }
        None => vec![
            id.to_string(),
            "unknown to this version".into(),
            String::new(),
            String::new(),
            String::new(),
        ],
    };
    let rows: Vec<Vec<String>> = page.input.data.run.suite.metrics.iter().map(row).collect();
    plain_table(out, "Metrics", &["Id", "Title", "Unit", "Better", "Nets"], &rows);
}

fn prompts(out: &mut String, data: &RunData) {
    let flagged: Vec<Vec<String>> = data
        .run
        .suite
        .prompts
        .iter()
        .filter(|prompt| !prompt.findings.is_empty())
        .map(|prompt| {
            let decision = if prompt.rejected { "rejected" } else { "run" };
            vec![prompt.id.clone(), decision.into(), prompt.findings.join("; "), prompt.text.clone()]
        })
        .collect();
    if !flagged.is_empty() {
        details_table(
            out,
            "Prompts flagged by the prompt policy",
            &["Id", "Decision", "Findings", "Prompt"],
            &flagged,
        );
    }
}

fn reproduce(out: &mut String, data: &RunData) {
    open_section(
        out,
        "reproduce",
        "Reproduce this",
        "The run's command line and the suite file as it was read. The same weights and seeds produce the same samples; times depend on the machine.",
    );
    for (name, text) in [
        ("Command", shell_command(&data.run.environment.command)),
        ("Suite file", data.run.suite.source.clone()),
    ] {
        // Escaped here as text and again as HTML, so that the copied text equals the visible text.
        let shown = visible(&text);
        *out += &format!(
            "<div class=\"code\"><p>{name} <button type=\"button\" class=\"copy\" hidden>Copy</button></p><pre tabindex=\"0\"><code>{}</code></pre></div>\n",
            escape(&shown)
        );
    }
    *out += "</section>\n";
}
