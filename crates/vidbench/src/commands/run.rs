//! `vidbench run` and `vidbench demo`.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::json;
use vidbench::{Catalogue, Estimate, ExecuteError, Execution, Hooks, Prepared, SystemClock, WorkerPrograms};
use vidbench_analysis::{RunAnalysis, analyse};
use vidbench_core::suite::Engine;
use vidbench_core::{
    Clock, NetOptions, Plan, ResolvedModel, ResolvedSuite, RunId, RunRecord, RunStatus, WeightsOrigin,
};
use vidbench_metrics::DESCRIPTORS;
use vidbench_runner::{Cancel, Finish, RunError};
use vidbench_store::{RecordKind, Store, StoreError};

use super::backup_schedule::BackupSchedule;
use super::scorers::warn_of_absent_weights;
use super::{UserError, bytes_text, cache, columns, counted, json as pretty, page_file, recovery, report};
use crate::cli::{DemoArgs, RunArgs, RunBackups, RunOutput};
use crate::log_file;
use crate::ui::{ProgressView, Ui, duration, visible};
use crate::{FAILED, INCOMPLETE, INTERRUPTED, OK};

/// Wishes that go beyond the work itself.
struct Wishes<'a> {
    output: &'a RunOutput,
    backups: Option<&'a RunBackups>,
    /// The moment at which the time limit is reached.
    end: Option<Instant>,
}

pub(crate) fn demo(args: &DemoArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let prepared = vidbench::prepare(vidbench::DEMO_SUITE, Path::new("demo.toml"))?;
    let wishes = Wishes { output: &args.output, backups: None, end: None };
    match start(&prepared, &wishes, &Cell::new(None), workspace, ui)? {
        // At few steps the model sometimes draws only black, which the demo is meant to show, so it is not a failure.
        FAILED => Ok(OK),
        code => Ok(code),
    }
}

pub(crate) fn run(args: &RunArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let ui = ui.beside(args.output.session.progress.kind);
    let begun = Cell::new(None);
    let end = args.time_limit.and_then(|limit| Instant::now().checked_add(limit));
    let wishes = Wishes { output: &args.output, backups: Some(&args.backups), end };
    let backups = args.backups.backup_to.clone().unwrap_or_else(|| workspace.join("backups"));
    let error = match attempt(args, &wishes, workspace, &begun, ui) {
        Err(error) if !args.dry_run && recovery::is_damage(&error, &backups) => error,
        ended => return ended,
    };
    recovery::recover(error, workspace, &backups, ui)?;
    // A run that began after the backup was made is not in it and starts again.
    let known = |run: &RunId| Store::open_existing(workspace)?.find_run(run.as_str());
    match begun.take() {
        Some(run) if known(&run).is_ok() => resume(run.as_str(), None, args, &wishes, workspace, ui),
        _ => attempt(args, &wishes, workspace, &begun, ui),
    }
}

/// Calls `begun` with the run that begins.
fn attempt(
    args: &RunArgs,
    wishes: &Wishes<'_>,
    workspace: &Path,
    begun: &Cell<Option<RunId>>,
    ui: Ui,
) -> Result<u8> {
    match (&args.resume, &args.suite) {
        (Some(wanted), suite) => resume(wanted, suite.as_deref(), args, wishes, workspace, ui),
        (None, Some(path)) => {
            let prepared = vidbench::read_suite(path)?;
            if args.dry_run {
                dry_run(&prepared, &args.output, workspace, ui)
            } else {
                start(&prepared, wishes, begun, workspace, ui)
            }
        }
        (None, None) => Err(UserError::new(
            "no suite given",
            "use `vidbench run suite.toml` or `vidbench run --resume RUN`",
        )
        .into()),
    }
}

fn dry_run(prepared: &Prepared, output: &RunOutput, workspace: &Path, ui: Ui) -> Result<u8> {
    // A dry run leaves no trace, not even an empty workspace.
    let store = match Store::open_existing(workspace) {
        Err(StoreError::NoWorkspace { .. }) => None,
        found => Some(found?),
    };
    let nets = vidbench::nets_in_use(&prepared.suite.metrics, NetOptions::default());
    warn_of_absent_weights(nets.as_ref(), ui);
    let estimate = vidbench::estimate(prepared, store.as_ref())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    vidbench::preflight(store.as_ref(), &prepared.suite, &estimate, &programs(workspace)?, &clock)?;
    if output.json {
        ui.data(&pretty(&plan_json(prepared, &estimate))?)?;
    } else {
        ui.data(&visible(&plan_text(prepared, &estimate)))?;
    }
    Ok(OK)
}

fn start(
    prepared: &Prepared,
    wishes: &Wishes<'_>,
    begun: &Cell<Option<RunId>>,
    workspace: &Path,
    ui: Ui,
) -> Result<u8> {
    let store = Store::open(workspace)?;
    cache::attach(&store, ui)?;
    let estimate = vidbench::estimate(prepared, Some(&store))?;
    ui.say(plan_text(prepared, &estimate).trim_end());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let programs = programs(workspace)?;
    vidbench::preflight(Some(&store), &prepared.suite, &estimate, &programs, &clock)?;
    let environment = vidbench::environment(std::env::args().collect());
    let record = vidbench::new_run(prepared, environment, clock.as_ref());
    page_file::check(wishes.output.session.report.as_deref())?;
    store.create_run(&record)?;
    begun.set(Some(record.id.clone()));
    carry_out(&store, (&record, &prepared.plan), wishes, clock, ui)
}

fn resume(
    wanted: &str,
    suite: Option<&Path>,
    args: &RunArgs,
    wishes: &Wishes<'_>,
    workspace: &Path,
    ui: Ui,
) -> Result<u8> {
    let store = Store::open_existing(workspace)?;
    cache::attach(&store, ui)?;
    let run = store.find_run(wanted).map_err(|error| match store.find(wanted) {
        Ok((id, RecordKind::Scoring)) => {
            let hint = "repeat its `vidbench score` command: it computes only what is missing";
            UserError::new(format!("{id} is a scoring, not a run"), hint).into()
        }
        Ok(_) | Err(_) => anyhow::Error::from(error),
    })?;
    let (record, plan) = vidbench::reopen(&store, &run, suite)?;
    if args.dry_run {
        let left = record.planned - store.progress(&run)?.judged.len() as u64;
        ui.data(&format!("run {run}: {left} of {} samples left\n", record.planned))?;
        return Ok(OK);
    }
    page_file::check(wishes.output.session.report.as_deref())?;
    if record.status == RunStatus::Complete {
        ui.say(&format!("run {run} is complete already"));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    carry_out(&store, (&record, &plan), wishes, clock, ui)
}

fn carry_out(
    store: &Store,
    (record, plan): (&RunRecord, &Plan),
    &Wishes { output, backups, end }: &Wishes<'_>,
    clock: Arc<dyn Clock>,
    ui: Ui,
) -> Result<u8> {
    // As they are now: a run that is continued may find other weights than it began with.
    let nets = vidbench::nets_in_use(&record.suite.metrics, NetOptions::default());
    warn_of_absent_weights(nets.as_ref(), ui);
    let cancel = Cancel::until(end);
    listen_for_signals(cancel.clone(), ui)?;
    let passed: Vec<String> = record.suite.models.iter().flat_map(|model| model.pass_env.clone()).collect();
    let _log = log_file::begin(store.root(), output.session.log, &passed)
        .context("cannot open the log; --log none turns it off")?;
    let quiet = ui.is_quiet() || output.json && !std::io::stderr().is_terminal();
    let mut view = ProgressView::new(output.session.progress.kind, quiet);
    let mut backups = BackupSchedule::new(store, backups);
    let (events, between) = (&mut |event: &_| view.show(event), &mut || backups.look());
    let hooks = Hooks { events, between };
    let executed = vidbench::execute(store, record, plan, &programs(store.root())?, clock, cancel, hooks);
    view.finish();
    backups.at_the_end().into_iter().for_each(|problem| ui.say(&format!("warning: {problem}")));
    let execution = match executed {
        // Another process is continuing the run, so it has not stopped.
        Err(ExecuteError::Run(RunError::Store(error @ StoreError::Locked { .. }))) => {
            return Err(error.into());
        }
        executed => executed
            .with_context(|| format!("run {} stopped; everything recorded so far is kept", record.id))?,
    };
    conclude(store, &execution, output, ui)
}

fn conclude(store: &Store, execution: &Execution, output: &RunOutput, ui: Ui) -> Result<u8> {
    let Execution { finish, data, set_metrics_error } = execution;
    let analysis = analyse(data, DESCRIPTORS);
    let report = output.session.report.clone().unwrap_or_else(|| report::default_path(store, &data.run.id));
    report::write_html(store, data, &analysis, report::MAX_CLIPS, &report, ui)?;
    if output.json {
        ui.data(&pretty(&result_json(execution, &analysis, &report))?)?;
    } else {
        ui.data(&report::table(data, &analysis, ui))?;
    }
    if let Some(error) = set_metrics_error {
        ui.say(&format!("warning: set metrics are not available: {error}"));
    }
    ui.say(&format!("report: {}", report.display()));
    ui.say(&next_step(finish, data.run.id.as_str()));
    Ok(exit_code(finish))
}

fn exit_code(finish: &Finish) -> u8 {
    match finish {
        Finish { interrupted: true, .. } => INTERRUPTED,
        Finish { complete: false, .. } => INCOMPLETE,
        Finish { failed: 1.., .. } => FAILED,
        Finish { .. } => OK,
    }
}

fn next_step(finish: &Finish, run: &str) -> String {
    if finish.complete {
        return format!("next: open the report, or `vidbench export {run}`");
    }
    let mut text = String::new();
    for given_up in &finish.given_up {
        text.push_str(&format!("model {} was given up: {}\n", given_up.model, given_up.reason));
    }
    if let Some(disk_full) = &finish.disk_full {
        text.push_str(&format!("stopped: {disk_full}\n"));
    }
    if let Some(out_of_time) = &finish.out_of_time {
        text.push_str(&format!("stopped: {out_of_time}\n"));
    }
    text + &format!("next: `vidbench run --resume {run}`")
}

fn result_json(execution: &Execution, analysis: &RunAnalysis, report: &Path) -> serde_json::Value {
    let Execution { finish, data, set_metrics_error } = execution;
    json!({
        "schema_version": 1,
        "run": data.run.id,
        "complete": finish.complete,
        "interrupted": finish.interrupted,
        "out_of_time": finish.out_of_time,
        "done": finish.done,
        "failed": finish.failed,
        "set_metrics_error": set_metrics_error,
        "report": report,
        "analysis": analysis,
    })
}

/// Ctrl-C and SIGTERM: the first finishes the current sample, the second stops at once.
pub(crate) fn listen_for_signals(cancel: Cancel, ui: Ui) -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    // A closed terminal stops a run like any other wish to stop, unless `nohup` or the like has it ignored.
    let hangup = (!ignores(SIGHUP)).then_some(SIGHUP);
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup))
        .context("cannot listen for signals")?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for _ in signals.forever() {
            cancel.ask();
            ui.say(if cancel.is_urgent() {
                "stopping now"
            } else {
                "finishing the current sample; Ctrl-C again stops immediately"
            });
        }
    })?;
    Ok(())
}

/// Whether this process ignores a signal (proc_pid_status(5), SigIgn: bit 0 is signal 1).
fn ignores(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

pub(crate) fn programs(workspace: &Path) -> Result<WorkerPrograms> {
    Ok(WorkerPrograms {
        vidbench: std::env::current_exe().context("cannot find vidbench's own executable")?,
        workspace: std::path::absolute(workspace).ok(),
    })
}

fn plan_json(prepared: &Prepared, estimate: &Estimate) -> serde_json::Value {
    let suite = &prepared.suite;
    let groups: Vec<_> = estimate
        .groups
        .iter()
        .map(|group| {
            json!({
                "model": suite.models[group.model as usize].id,
                "instead_of": suite.models[group.model as usize].instead_of
                    .and_then(|first| Some(&suite.models.get(first as usize)?.id)),
                "params": group.params,
                "samples": group.samples,
                "secs_each": group.secs_each,
                "bytes_each": group.bytes_each,
            })
        })
        .collect();
    json!({
        "schema_version": 1,
        "suite": suite.name,
        "plan_hash": prepared.plan.hash(),
        "samples": prepared.plan.samples.len(),
        "prompts": suite.prompts.len(),
        "flagged_prompts": suite.prompts.iter().filter(|prompt| !prompt.findings.is_empty()).count(),
        "rejected_prompts": suite.prompts.iter().filter(|prompt| prompt.rejected).count(),
        "estimated_secs": estimate.secs(),
        "estimated_bytes": estimate.bytes(),
        "groups": groups,
    })
}

fn plan_text(prepared: &Prepared, estimate: &Estimate) -> String {
    let suite = &prepared.suite;
    let mut text = format!(
        "suite {}: {} = {} x {} x {} x {}, {} scenario, prompts {}@{}\n",
        suite.name,
        counted(prepared.plan.samples.len() as u64, "sample"),
        counted(suite.prompts.len() as u64, "prompt"),
        counted(suite.seeds.len() as u64, "seed"),
        counted(suite.repeats, "repeat"),
        counted(suite.models.iter().map(|model| model.params.len()).sum::<usize>() as u64, "row"),
        suite.scenario.kind.name(),
        suite.prompt_suite.name,
        suite.prompt_suite.version,
    );
    let mut rows = vec![vec!["model".into(), "parameters".into(), "samples".into(), "usual".into()]];
    rows.extend(estimate.groups.iter().map(|group| {
        let usual = group.secs_each.map_or("no earlier run".into(), |secs| format!("{secs:.3} s each"));
        let model = suite.models[group.model as usize].clone();
        let model = match model.instead_of.and_then(|first| suite.models.get(first as usize)) {
            Some(first) => format!("{}, if {} runs out of memory", model.id, first.id),
            None => model.id.to_string(),
        };
        vec![model, group.params.describe(), group.samples.to_string(), usual]
    }));
    text.push_str(&columns(&rows));
    for prompt in suite.prompts.iter().filter(|prompt| !prompt.findings.is_empty()) {
        let word = if prompt.rejected { "rejected" } else { "flagged" };
        text.push_str(&format!("prompt {} is {word}: {}\n", prompt.id, prompt.findings.join("; ")));
    }
    for model in suite.models.iter().filter(|model| model.engine == Engine::Diffusers) {
        text.push_str(&unknown_note(model).unwrap_or_default());
        text.push_str(&precision_note(model).unwrap_or_default());
    }
    for model in suite.models.iter().filter(|model| model.engine == Engine::Import) {
        text.push_str(&lacking_note(model, suite).unwrap_or_default());
    }
    let of_programs = suite.models.iter().filter(|model| model.engine == Engine::Command);
    for model in of_programs.filter(|_| suite.reuse_samples) {
        text.push_str(&format!(
            "reuse_samples: samples of model {} are generated anew, because the weights of a program are unknown\n",
            model.id
        ));
    }
    let time = estimate.secs().map_or("unknown (not every row has an earlier run)".into(), duration);
    let disk = estimate.bytes().map_or("unknown".into(), bytes_text);
    text + &format!("estimate: generation {time}, disk {disk}\n")
}

/// A user's own model may have any name, but a name very close to a known model is more likely a typing error.
fn unknown_note(model: &ResolvedModel) -> Option<String> {
    let (catalogue, id) = (Catalogue::shipped(), model.which().as_str());
    let is_own =
        model.settings.contains_key("path") || id.starts_with("tiny/") || catalogue.find(id).is_some();
    let near = catalogue.similar(id).into_iter().next().filter(|_| !is_own)?;
    Some(format!("model {} is not in the catalogue; did you mean {near}?\n", model.id))
}

/// Without a chosen number type a model is loaded in float32: it then takes twice the memory and runs at another speed
/// than its authors state.
fn precision_note(model: &ResolvedModel) -> Option<String> {
    let known = Catalogue::shipped().find(model.which().as_str())?.dtype.as_ref()?;
    let is_told = model.settings.contains_key("dtype") || model.weights == WeightsOrigin::Random;
    (!is_told).then(|| {
        format!(
            "model {} is loaded in float32, but the documentation of its class uses {known}: `vidbench models show {}` prints its settings\n",
            model.id,
            model.which()
        )
    })
}

/// Anything that cannot be read is left to preflight, which refuses it.
fn lacking_note(model: &ResolvedModel, suite: &ResolvedSuite) -> Option<String> {
    let lacking = vidbench::lacking_videos(model, suite).ok()?;
    let first = lacking.first()?;
    let all = suite.prompts.len() * suite.seeds.len();
    Some(format!("model {} has no video for {} of {all} samples, such as {first}\n", model.id, lacking.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(complete: bool, interrupted: bool, failed: u64) -> Finish {
        let given_up = vec![];
        Finish { complete, interrupted, disk_full: None, out_of_time: None, given_up, done: 2, failed }
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        for (finish, code) in [
            (finish(true, false, 0), 0),
            (finish(true, false, 1), 1),
            (finish(false, false, 1), 3),
            (finish(false, true, 0), 130),
        ] {
            assert_eq!(exit_code(&finish), code);
        }
    }

    #[test]
    fn the_demo_suite_is_sound() {
        let prepared = vidbench::prepare(vidbench::DEMO_SUITE, Path::new("demo.toml")).unwrap();
        assert!(prepared.plan.samples.len() > 100);
    }
}
