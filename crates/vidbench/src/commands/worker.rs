//! `vidbench worker`: this program as a worker, and the conformance suite for any worker.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use vidbench::{CLASSIFIER, SystemClock};
use vidbench_core::protocol::{Decoded, ScoreParams};
use vidbench_core::suite::parse_size;
use vidbench_core::{ModelId, NetOptions, Params};
use vidbench_engines::conformance::{self, CheckOptions, Report, RuleVerdict};
use vidbench_engines::{Means, WorkerCommand as Program};
use vidbench_worker::embedded::EmbeddedGenerator;
use vidbench_worker::{
    CommandGenerator, Exit, Handler, ImportGenerator, Scorer, adopt_orphans, end_with_client,
    end_with_program, keep_freed_memory, serve,
};

use super::{UserError, json as pretty};
use crate::cli::{ConfinedArgs, WorkerCheckArgs, WorkerCommand};
use crate::ui::Ui;
use crate::{FAILED, OK};

pub(crate) fn worker(command: WorkerCommand, ui: Ui) -> Result<u8> {
    match command {
        WorkerCommand::Embedded => serve_on_stdio(&mut EmbeddedGenerator::new()),
        WorkerCommand::Scorer(nets) => {
            keep_freed_memory();
            serve_on_stdio(&mut Scorer::new(CLASSIFIER, vidbench::stored_nets(nets.options())))
        }
        WorkerCommand::PrepareNets { nets, names } => {
            let prepared = vidbench::prepare_nets_here(&names, nets.options());
            prepared.map_err(|message| UserError { message, hints: vec![] })?;
            Ok(OK)
        }
        WorkerCommand::Command { program } => {
            let program =
                serde_json::from_str(&program).context("--program is not a JSON description of a program")?;
            let mut generator =
                CommandGenerator::new(program).map_err(|message| UserError { message, hints: vec![] })?;
            adopt_orphans();
            end_with_client();
            serve_on_stdio(&mut generator)
        }
        WorkerCommand::Import { videos } => serve_on_stdio(&mut ImportGenerator::new(videos)),
        WorkerCommand::Confined(args) => confined(args),
        WorkerCommand::Means => {
            ui.data(&pretty(&Means::try_out())?)?;
            Ok(OK)
        }
        WorkerCommand::Check(args) => check(&args, ui),
    }
}

/// Replaces this process with the program; returns only when that fails.
fn confined(args: ConfinedArgs) -> Result<u8> {
    let (bounds, program) = args.into_parts();
    let (program, rest) = program.split_first().context("clap requires a program")?;
    let error = bounds.enter(program, rest);
    Err(UserError { message: error.to_string(), hints: error.hint().into_iter().collect() }.into())
}

fn serve_on_stdio(handler: &mut dyn Handler) -> Result<u8> {
    // When the parent has gone, the pipe is closed; that is a normal end.
    match serve(io::stdin().lock(), io::stdout().lock(), handler) {
        Ok(Exit::Broken) => end_with_program(),
        Ok(Exit::Shutdown | Exit::EndOfInput) => Ok(OK),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(OK),
        Err(error) => Err(error).context("the worker's stdin or stdout failed"),
    }
}

fn check(args: &WorkerCheckArgs, ui: Ui) -> Result<u8> {
    let (program, rest) = args.command.split_first().context("clap requires a command")?;
    let (width, height) = parse_size(&args.size).map_err(|message| UserError { message, hints: vec![] })?;
    let model = args.model.as_deref().map(ModelId::new).transpose()?;
    let params =
        Params { steps: args.steps, guidance: 1.0, frames: args.frames, width, height, fps: args.fps };
    let scratch = tempfile::tempdir().context("cannot create a folder for the check's videos")?;
    let options = CheckOptions {
        model,
        prompt: args.prompt.clone(),
        params,
        timeout: Duration::from_secs(args.timeout),
        scratch: scratch.path().to_owned(),
        inspect: Some(inspect),
    };
    let report =
        conformance::check(&Program::new(program).args(rest), &options, Arc::new(SystemClock::start()))?;
    let text = if args.json { pretty(&report_json(&report))? } else { report_text(&report) };
    ui.data(&text)?;
    Ok(if report.passed() { OK } else { FAILED })
}

/// Decodes a worker's file as a run would, and compares it with the request.
fn inspect(file: &Path, params: &Params) -> Result<(), String> {
    let path = file.to_string_lossy().into_owned();
    let request = ScoreParams {
        path,
        reference: None,
        metrics: vec![],
        prompt: None,
        image: None,
        options: Default::default(),
        known_features: Vec::new(),
        return_features: false,
    };
    let mut scorer = Scorer::new(CLASSIFIER, vidbench::stored_nets(NetOptions::default()));
    match scorer.score(&request).map_err(|error| error.message)?.decoded {
        Decoded::Failed { reason } => Err(reason),
        Decoded::Facts(facts) => vidbench_runner::mismatch(params, &facts).map_or(Ok(()), Err),
    }
}

fn report_json(report: &Report) -> serde_json::Value {
    let rules: Vec<_> = report
        .rules
        .iter()
        .map(|rule| {
            let (verdict, why) = words(&rule.verdict);
            json!({ "rule": rule.id, "title": rule.title, "verdict": verdict, "why": why })
        })
        .collect();
    json!({ "schema_version": 1, "passed": report.passed(), "rules": rules })
}

fn report_text(report: &Report) -> String {
    let mut text = String::new();
    for rule in &report.rules {
        let (verdict, why) = words(&rule.verdict);
        text.push_str(&format!("{verdict:<4} {:<4} {}\n", rule.id, rule.title));
        if let Some(why) = why {
            text.push_str(&format!("          {why}\n"));
        }
    }
    let failed = report.failures().count();
    text + &match failed {
        0 => "the worker follows the protocol\n".to_owned(),
        failed => format!(
            "the worker breaks {failed} of {} rules; see docs/worker-protocol.md\n",
            report.rules.len()
        ),
    }
}

fn words(verdict: &RuleVerdict) -> (&'static str, Option<&str>) {
    match verdict {
        RuleVerdict::Pass => ("ok", None),
        RuleVerdict::Fail { why } => ("FAIL", Some(why)),
        RuleVerdict::NotApplicable { why } => ("n/a", Some(why)),
    }
}
