//! `vidbench schema`: the schema of suite files and the reference pages, made from the types and tables they describe.

use anyhow::Result;
use clap::{Arg, Command, CommandFactory as _};
use vidbench::{ByDefault, prompt_suite_names, shipped_prompt_suite};
use vidbench_core::{Direction, MetricDescriptor, Needs, suite};
use vidbench_metrics::DESCRIPTORS;
use vidbench_nn::{Address, Manifest, NetEntry, SourceFile};

use super::json;
use crate::OK;
use crate::cli::{Cli, SchemaArgs, SchemaPage};
use crate::ui::Ui;

pub(crate) fn schema(args: &SchemaArgs, ui: Ui) -> Result<u8> {
    let text = match args.what {
        SchemaPage::Suite => json(&suite::json_schema())?,
        SchemaPage::Cli => cli_page(),
        SchemaPage::Metrics => metrics_page(),
        SchemaPage::Prompts => prompts_page(),
        SchemaPage::Nets => nets_page(),
        SchemaPage::Models => vidbench::evidence_page(),
    };
    ui.data(&text)?;
    Ok(OK)
}

fn cli_page() -> String {
    let mut text =
        String::from("# Command line\n\nEvery command and flag. `vidbench help COMMAND` shows examples.\n");
    let mut root = Cli::command();
    root.build();
    describe(&root, &mut text);
    text
}

fn describe(command: &Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or("vidbench");
    text.push_str(&format!(
        "\n## `{name}`\n\n{}\n",
        command.get_about().map(ToString::to_string).unwrap_or_default()
    ));
    let flags: Vec<&Arg> =
        command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help").collect();
    if !flags.is_empty() {
        text.push_str("\n| argument | meaning | default |\n|---|---|---|\n");
    }
    for arg in flags {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let choices: Vec<String> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        let choices = if choices.is_empty() || !arg.get_action().takes_values() {
            String::new()
        } else {
            format!(" ({})", choices.join(", "))
        };
        let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = if arg.get_action().takes_values() { default.join(", ") } else { String::new() };
        text.push_str(&format!("| `{}` | {help}{choices} | {default} |\n", spelled(arg)));
    }
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        describe(sub, text);
    }
}

fn spelled(arg: &Arg) -> String {
    let value = if arg.get_action().takes_values() {
        arg.get_value_names().map_or(arg.get_id().to_string().to_uppercase(), |names| names.join(" "))
    } else {
        String::new()
    };
    match arg.get_long() {
        Some(long) => format!("--{long} {value}").trim_end().to_owned(),
        None => value,
    }
}

fn metrics_page() -> String {
    let mut text = String::from(
        "# Metrics\n\n| id | what | unit | better | range | computed from | nets | by default |\n|---|---|---|---|---|---|---|---|\n",
    );
    for metric in DESCRIPTORS {
        text.push_str(&metric_row(metric));
    }
    text.push_str(
        "\n`vidbench score` computes those marked in the last column unless `--metrics` names others.\n\n\
         Measured in every run: [latency and stages](../metrics/latency.md), [throughput](../metrics/throughput.md),\n\
         [peak memory](../metrics/peak_memory.md). How values become means, intervals and ranks:\n\
         [statistics](../statistics.md).\n",
    );
    text
}

fn metric_row(metric: &MetricDescriptor) -> String {
    let better = match metric.direction {
        Direction::HigherIsBetter => "higher",
        Direction::LowerIsBetter => "lower",
        Direction::Descriptive => "neither",
    };
    let needs = match metric.needs {
        Needs::Clip => "a clip",
        Needs::ClipAndPrompt => "a clip and its prompt",
        Needs::ClipAndImage => "a clip and the image it was generated from",
        Needs::Pair => "a clip and its reference",
        Needs::Set => "a set of clips and a built-in reference set",
        Needs::ReferenceSet => "a set of clips and a reference set",
        Needs::ClipSet => "a set of clips",
        Needs::Features => "feature files",
    };
    let bound = |bound: Option<f64>| bound.map_or("unbounded".into(), |bound| bound.to_string());
    let page = metric.page();
    format!(
        "| [`{}`](../metrics/{page}.md) | {} | {} | {better} | {} to {} | {needs} | {} | {} |\n",
        metric.id,
        metric.title,
        if metric.unit.is_empty() { "-" } else { metric.unit },
        bound(metric.range.0),
        bound(metric.range.1),
        if metric.nets.is_empty() { "-".into() } else { metric.nets.join(", ") },
        ByDefault::of(metric).text(),
    )
}

fn prompts_page() -> String {
    let mut text = String::from("# Prompt suites\n\n`vidbench prompts show NAME` prints the prompts.\n\n");
    text.push_str("| suite | version | prompts | categories | sha256 |\n|---|---|---|---|---|\n");
    for suite in prompt_suite_names().iter().filter_map(|name| shipped_prompt_suite(name)) {
        let categories: std::collections::BTreeSet<_> =
            suite.prompts().iter().map(|prompt| prompt.category.as_str()).collect();
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | `{}` |\n",
            suite.name(),
            suite.header().version,
            suite.prompts().len(),
            categories.into_iter().collect::<Vec<_>>().join(", "),
            suite.hash(),
        ));
    }
    text
}

fn nets_page() -> String {
    let mut text = String::from(
        "# Nets\n\nvidbench ships the graphs of nets but not their weights: `vidbench nets fetch NAME` downloads them from their authors. How they\n\
         are stored and checked: [nets](../nets.md).\n\n",
    );
    text.push_str("| net | what | licence of the weights | commercial use | names verified | cite |\n|---|---|---|---|---|---|\n");
    text.extend(Manifest::shipped().nets().map(net_row));
    text.push_str("\n## Bundles\n\n| bundle | for | nets |\n|---|---|---|\n");
    text.extend(
        Manifest::shipped()
            .bundles()
            .map(|bundle| format!("| `{}` | {} | {} |\n", bundle.name, bundle.title, bundle.nets.join(", "))),
    );
    text.push_str("\n## Files\n\n| net | file | where | known by |\n|---|---|---|---|\n");
    for net in Manifest::shipped().nets() {
        text.extend(Manifest::shipped().files_of(net).map(|file| file_row(net, file)));
    }
    text.push_str("\n\"First use\": no hash is published; the hash of the first file fetched is recorded, and a different file is refused later.\n");
    text
}

fn net_row(net: &NetEntry) -> String {
    format!(
        "| `{}` | {} | {} | {} | {} | {} |\n",
        net.name,
        net.title,
        net.licence,
        net.commercial.text(),
        if net.names_verified { "yes" } else { "no" },
        net.citation,
    )
}

fn file_row(net: &NetEntry, file: &SourceFile) -> String {
    let place = match file.address() {
        Address::Url(url) => format!("<{url}>"),
        Address::Hub(hub) => format!("hub: `{}`, `{}`", hub.repository, hub.path),
    };
    let known = match (&file.sha256, &file.git_sha1, &file.sha256_prefix) {
        (Some(_), _, _) => "SHA-256",
        (None, Some(_), _) => "git SHA-1",
        (None, None, Some(_)) => "the first digits of its SHA-256, then first use",
        (None, None, None) => "first use",
    };
    format!("| `{}` | `{}` | {place} | {known} |\n", net.name, file.name)
}
