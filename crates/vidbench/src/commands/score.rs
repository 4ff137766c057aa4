//! `vidbench score`: scores existing videos.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use vidbench::{ScoreSettings, SystemClock};
use vidbench_analysis::{ScoringAnalyser, ScoringAnalysis};
use vidbench_core::protocol::DecodeOptions;
use vidbench_core::{
    Clock, MetricId, Needs, NetDevice, RequestedClip, RunId, Score, ScoredClip, ScorerSettings, ScoringData,
    ScoringRecord, ScoringRequest, path_from_text, text_from_path,
};
use vidbench_metrics::{DESCRIPTORS, SetOptions};
use vidbench_report::{
    ClipMime, EmbeddedVideo, ScoringClips, ScoringEmbed, ScoringJson, ScoringReportInput, ShownRow, Style,
    scoring_csv_heads, scoring_csv_line, scoring_html_end, scoring_html_row, scoring_html_start,
    scoring_json, scoring_json_clip, scoring_jsonl_line, scoring_latex, scoring_markdown, scoring_terminal,
};
use vidbench_runner::{Cancel, ScoreFinish};
use vidbench_store::Store;

use super::scorers::{devices, scorers, warn_of_absent_weights};
use super::{UserError, cache, page_file, reference, report, run};
use crate::cli::{LogFormat, Progress, ReportArgs, ReportFormat, ScoreArgs, ScoreFormat, ScoreLimits};
use crate::log_file;
use crate::ui::{ProgressView, Ui, print_error};
use crate::{FAILED, INTERRUPTED, OK};

/// Seed for the intervals of set metrics; any number does, as long as it is always the same.
const BOOTSTRAP_SEED: u64 = 1;

pub(crate) fn score(args: &ScoreArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let ui = ui.beside(args.session.progress.kind);
    let request = request(args, ui)?;
    page_file::check_apart(args.session.report.as_deref(), files(args, &request))?;
    let effort = Effort {
        scorers: scorers(args.workers, &devices(&args.nets)?, &request.metrics, ui),
        timeout_secs: args.limits.timeout,
        scorer: args.limits.scorer(),
        references: args.reference.is_some(),
        progress: args.session.progress.kind,
        log: args.session.log,
    };
    let reference_set = args.reference_set.as_deref();
    let reference_set =
        reference_set.map(|path| reference::load(path, &request, &effort, workspace, ui)).transpose()?;
    let check = |record: &ScoringRecord| match &reference_set {
        Some(set) => vidbench::check_reference_set(record, set)
            .map_err(|error| UserError { message: error.to_string(), hints: error.hints() }.into()),
        None => Ok(()),
    };
    let Scored { store, finish, record } = carry_out(request, &effort, &check, workspace, ui)?;
    let mut data = ScoringData { record, sets: Vec::new() };
    if data.record.request.metrics.iter().any(vidbench::is_of_sets) {
        let options = SetOptions { resamples: args.resamples as usize, bootstrap_seed: BOOTSTRAP_SEED };
        data.sets = vidbench::set_scorings(&store, &data.record, reference_set.as_ref(), options)
            .map_err(|error| UserError { message: error.to_string(), hints: error.hints() })?;
        store.record_scoring_sets(&data.record.id, &data.sets)?;
    }
    conclude(&store, &finish, &data, args, ui)
}

/// How a scoring is executed and shown.
#[derive(Debug, Clone)]
pub(crate) struct Effort {
    /// For each of the parallel scorers, the device that computes its nets.
    pub(crate) scorers: Vec<NetDevice>,
    pub(crate) timeout_secs: u64,
    /// The limits of the scorers.
    pub(crate) scorer: ScorerSettings,
    /// Whether references were named.
    pub(crate) references: bool,
    pub(crate) progress: Progress,
    pub(crate) log: LogFormat,
}

/// A scoring that was executed.
pub(crate) struct Scored {
    pub(crate) store: Store,
    pub(crate) finish: ScoreFinish,
    pub(crate) record: ScoringRecord,
}

/// Executes a scoring in a workspace that passes `check`, until it is done or a person stops it.
pub(crate) fn carry_out(
    request: ScoringRequest,
    effort: &Effort,
    check: &dyn Fn(&ScoringRecord) -> Result<()>,
    workspace: &Path,
    ui: Ui,
) -> Result<Scored> {
    vidbench_video::libav_version().map_err(|error| {
        UserError::new(format!("videos cannot be read: {error}"), "`vidbench doctor` shows what to install")
    })?;
    let store = Store::open(workspace)?;
    cache::attach(&store, ui)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let mut environment =
        vidbench::environment(std::env::args_os().map(|arg| text_from_path(Path::new(&arg))).collect());
    environment.nets = vidbench::nets_in_use(&request.metrics, request.nets);
    let programs = run::programs(workspace)?;
    let unprepared = vidbench::unprepared_nets(&request.metrics, request.nets);
    if !unprepared.is_empty() {
        ui.say(&format!("note: preparing nets for this processor (only once): {}", unprepared.join(", ")));
    }
    if let Err(why) = vidbench::prepare_nets(&programs, &unprepared, request.nets) {
        ui.say(&format!("warning: {}: {why}", vidbench::NOT_PREPARED));
    }
    let held = vidbench::hold_scorers(&programs, &request, &effort.scorers, &effort.scorer)?;
    environment.scorer = held.first().map(|scorer| scorer.held.clone());
    for missing in environment.scorer.iter().flat_map(|held| &held.missing) {
        ui.say(&format!("warning: this limit of the scorer cannot be enforced: {missing}; `vidbench doctor` shows what to do"));
    }
    warn_of_absent_weights(environment.nets.as_ref(), ui);
    let mut record = vidbench::new_scoring(request, environment, clock.as_ref());
    check(&record)?;
    store.create_scoring(&record)?;
    let _log = log_file::begin(store.root(), effort.log, &[])
        .context("cannot open the log; --log none turns it off")?;
    let cancel = Cancel::new();
    run::listen_for_signals(cancel.clone(), ui)?;
    let mut view = ProgressView::new(effort.progress, ui.is_quiet());
    let settings = ScoreSettings {
        scorers: held.into_iter().map(|scorer| scorer.command).collect(),
        timeout: Duration::from_secs(effort.timeout_secs),
        references: effort.references,
    };
    let scored = vidbench::score(&store, &mut record, &settings, &clock, cancel, &mut |event| {
        view.show(event);
    });
    view.finish();
    let finish = scored
        .with_context(|| format!("scoring {} stopped; everything recorded so far is kept", record.id))?;
    Ok(Scored { store, finish, record })
}

/// All clips of a scoring at once, for metrics that compare clips with each other.
pub(crate) fn clips(store: &Store, record: &ScoringRecord) -> Result<Vec<ScoredClip>> {
    let mut clips = Vec::new();
    vidbench::each_scored_clip(store, record, |clip| -> Result<()> {
        clips.push(clip);
        Ok(())
    })?;
    Ok(clips)
}

/// Every file that is read.
fn files<'a>(args: &'a ScoreArgs, request: &'a ScoringRequest) -> impl Iterator<Item = PathBuf> + use<'a> {
    let clips = request.clips.iter().flat_map(|clip| [Some(&clip.path), clip.reference.as_ref()]);
    let named = args.videos.iter().chain(&args.reference).chain(&args.prompts).cloned();
    named.chain(clips.flatten().map(|path| path_from_text(path)))
}

fn request(args: &ScoreArgs, ui: Ui) -> Result<ScoringRequest> {
    let references = args.reference.is_some();
    let metrics = match args.metrics.as_slice() {
        [] => vidbench::default_metrics(references),
        names => vidbench::choose_metrics(names, references, args.reference_set.is_some())
            .map_err(|error| UserError { message: error.to_string(), hints: error.hints() })?,
    };
    let metrics = if args.commercial_safe { commercial_safe(metrics, ui)? } else { metrics };
    if args.reference_set.is_some() && !metrics.iter().any(vidbench::uses_reference_set) {
        let hint = "add one with --metrics, such as fvd.cdfvd-i3d, or leave --reference-set out";
        return Err(UserError::new(
            "--reference-set is given, but no metric compares with a reference set",
            hint,
        )
        .into());
    }
    let options = options(&args.limits)?;
    let prompts = args.prompts.as_deref().map(vidbench::read_known_prompts).transpose();
    let prompts = prompts.map_err(|error| UserError { message: error.to_string(), hints: error.hints() })?;
    let mut gathered = match &args.reference {
        Some(reference) => vidbench::gather_pairs(&args.videos, reference, prompts.as_ref())?,
        None => vidbench::gather(&args.videos, prompts.as_ref())?,
    };
    if let Some(images) = &args.images {
        vidbench::add_images(&mut gathered, images);
    }
    for note in &gathered.notes {
        ui.say(&format!("note: {note}"));
    }
    let wants_prompt = metrics.iter().any(|metric| {
        DESCRIPTORS.iter().any(|known| known.needs == Needs::ClipAndPrompt && known.id == metric.as_str())
    });
    if wants_prompt && prompts.is_none() && gathered.clips.iter().any(|clip| clip.prompt.is_none()) {
        ui.say("note: no prompts were found in the file names; pass the known prompts with --prompts FILE");
    }
    let named = args.videos.first().map(|path| text_from_path(path)).unwrap_or_default();
    Ok(ScoringRequest {
        name: args.name.clone().unwrap_or(named),
        metrics,
        clips: gathered.clips,
        options,
        nets: args.nets.options(),
    })
}

/// The metrics whose nets may be used commercially; says which are left out, and why.
fn commercial_safe(metrics: Vec<MetricId>, ui: Ui) -> Result<Vec<MetricId>> {
    let allowed = |id: &MetricId| {
        let known = DESCRIPTORS.iter().find(|known| known.id == id.as_str());
        known.map(vidbench::commercial_use).filter(|allowed| *allowed != "yes")
    };
    let (kept, left_out): (Vec<MetricId>, Vec<MetricId>) =
        metrics.into_iter().partition(|id| allowed(id).is_none());
    for id in &left_out {
        let says = allowed(id).unwrap_or_default();
        ui.say(&format!("note: --commercial-safe leaves out {id}: commercial use of its nets is {says}"));
    }
    if kept.is_empty() {
        let hint = "`vidbench metrics list` shows which metrics may be used";
        return Err(UserError::new("--commercial-safe leaves no metrics", hint).into());
    }
    Ok(kept)
}

pub(crate) fn options(limits: &ScoreLimits) -> Result<DecodeOptions> {
    if let Some(format) = &limits.raw_format {
        format.parse::<vidbench_video::RawPixelFormat>().map_err(|error| {
            UserError::new(format!("--raw-format: {error}"), "write it as FFmpeg does, such as yuv420p")
        })?;
    }
    Ok(DecodeOptions {
        max_side: limits.max_side,
        max_frames: limits.max_frames,
        max_duration_secs: f64::from(limits.max_duration),
        // The scorer itself gives up a clip that takes too long; a scorer that hangs is killed from outside.
        max_decode_secs: limits.timeout as f64,
        max_file_bytes: limits.max_file_mib << 20,
        threads: limits.decode_threads,
        pixels: limits.pixels.into(),
        image_fps: limits.image_fps,
        raw_size: limits.raw_size,
        raw_format: limits.raw_format.clone(),
        raw_fps: limits.raw_fps,
    })
}

fn conclude(store: &Store, finish: &ScoreFinish, data: &ScoringData, args: &ScoreArgs, ui: Ui) -> Result<u8> {
    let mut shown = (!args.no_report).then(|| ScoringClips::new(&data.record.request));
    let analysis = analyse(store, data, shown.as_mut())?;
    let format = if args.json { ScoreFormat::Json } else { args.format };
    write_text(store, data, &analysis, format, Path::new("-"), ui)?;
    let report = args.session.report.clone().unwrap_or_else(|| report::default_path(store, &data.record.id));
    if let Some(shown) = &shown {
        write_page(data, &analysis, shown, report::MAX_CLIPS, &report, ui)?;
    }
    if finish.known > 0 {
        ui.say(&format!(
            "{} of {} clips needed no decoding: they were scored before, or are copies",
            finish.known, finish.done
        ));
    }
    if !args.no_report {
        ui.say(&format!("report: {}", report.display()));
    }
    // Printed even in quiet mode, because these are the reason for the exit code.
    let lacking: Vec<String> = lacking(&analysis, args).into_iter().chain(sets_without(data)).collect();
    lacking.iter().for_each(|message| print_error(message, &[], ui.stderr_color));
    Ok(match finish {
        ScoreFinish { interrupted: true, .. } => {
            ui.say("next: repeat the command to do the rest");
            INTERRUPTED
        }
        ScoreFinish { done, ok, .. } if ok < done => FAILED,
        ScoreFinish { .. } if !lacking.is_empty() => FAILED,
        ScoreFinish { .. } => OK,
    })
}

/// Metrics that were requested by name and gave no value: a script that checks only the exit code must notice.
fn lacking(analysis: &ScoringAnalysis, args: &ScoreArgs) -> Option<String> {
    let names: Vec<&str> = analysis.without_a_number().map(MetricId::as_str).collect();
    let asked = !args.metrics.is_empty() && analysis.ok > 0 && !names.is_empty();
    asked.then(|| format!("no clip has a value for {}, requested by --metrics", names.join(", ")))
}

/// Sets that have no number for a set metric, and why.
fn sets_without(data: &ScoringData) -> impl Iterator<Item = String> {
    let sets = data.sets.iter().flat_map(|scoring| &scoring.sets);
    sets.flat_map(|set| {
        let problem = set.problem.iter().map(|problem| format!("set {} has no values: {problem}", set.label));
        let without = set.scores.iter().filter_map(|found| match &found.score {
            Score::NotAvailable { reason } => {
                Some(format!("set {} has no value for {}: {reason}", set.label, found.metric))
            }
            Score::Value(_) => None,
        });
        problem.chain(without).collect::<Vec<_>>()
    })
}

/// `vidbench report` for a scoring.
pub(crate) fn report(store: &Store, id: &RunId, args: &ReportArgs, ui: Ui) -> Result<u8> {
    let format = match args.format {
        ReportFormat::Html => {
            let data = store.scoring_data(id)?;
            let path = args.output.clone().unwrap_or_else(|| report::default_path(store, id));
            page_file::check_replaced(&path)?;
            let mut shown = ScoringClips::new(&data.record.request);
            let analysis = analyse(store, &data, Some(&mut shown))?;
            write_page(&data, &analysis, &shown, args.max_clips, &path, ui)?;
            ui.say(&format!("report: {}", path.display()));
            return Ok(OK);
        }
        ReportFormat::Table => ScoreFormat::Table,
        ReportFormat::Markdown => ScoreFormat::Markdown,
        ReportFormat::Latex => ScoreFormat::Latex,
    };
    write(store, id, format, args.output.as_deref().unwrap_or(Path::new("-")), ui)?;
    Ok(OK)
}

/// Writes a stored scoring in the chosen format.
pub(crate) fn write(store: &Store, id: &RunId, format: ScoreFormat, file: &Path, ui: Ui) -> Result<()> {
    let data = store.scoring_data(id)?;
    write_text(store, &data, &analyse(store, &data, None)?, format, file, ui)
}

/// Reads every clip once, for both the analysis and the page.
fn analyse(
    store: &Store,
    data: &ScoringData,
    mut shown: Option<&mut ScoringClips<'_>>,
) -> Result<ScoringAnalysis> {
    let mut analyser = ScoringAnalyser::new(&data.record.request, DESCRIPTORS);
    vidbench::each_scored_clip(store, &data.record, |clip| -> Result<()> {
        analyser.add(&clip);
        if let Some(shown) = &mut shown {
            shown.add(&clip);
        }
        Ok(())
    })?;
    Ok(analyser.finish())
}

/// Writes the scoring in the chosen format; clips are written as they are read.
fn write_text(
    store: &Store,
    data: &ScoringData,
    analysis: &ScoringAnalysis,
    format: ScoreFormat,
    file: &Path,
    ui: Ui,
) -> Result<()> {
    let style = Style { color: ui.stdout_color, width: report::width() };
    ui.stream(file, |out| match format {
        ScoreFormat::Table => put(out, &scoring_terminal(data, analysis, DESCRIPTORS, style)),
        ScoreFormat::Markdown => put(out, &scoring_markdown(data, analysis, DESCRIPTORS)),
        ScoreFormat::Latex => put(out, &scoring_latex(data, analysis, DESCRIPTORS)),
        ScoreFormat::Jsonl => vidbench::each_scored_clip(store, &data.record, |clip| {
            put(out, &scoring_jsonl_line(data, &clip)?)
        }),
        ScoreFormat::Csv => {
            put(out, &scoring_csv_heads(data))?;
            vidbench::each_scored_clip(store, &data.record, |clip| put(out, &scoring_csv_line(data, &clip)))
        }
        ScoreFormat::Json => {
            let ScoringJson { before, after } = scoring_json(data, analysis)?;
            put(out, &before)?;
            let mut first = true;
            vidbench::each_scored_clip(store, &data.record, |clip| {
                put(out, &scoring_json_clip(data, &clip, std::mem::take(&mut first))?)
            })?;
            put(out, &after)
        }
    })
}

fn put(out: &mut dyn Write, text: &str) -> Result<()> {
    Ok(out.write_all(text.as_bytes())?)
}

/// Writes the page, row by row. The first `max_clips` videos that a browser can play are embedded, each with its
/// reference.
fn write_page(
    data: &ScoringData,
    analysis: &ScoringAnalysis,
    shown: &ScoringClips<'_>,
    max_clips: usize,
    file: &Path,
    ui: Ui,
) -> Result<()> {
    let generated_by = concat!("vidbench ", env!("CARGO_PKG_VERSION"));
    let input = ScoringReportInput { data, analysis, descriptors: DESCRIPTORS, clips: shown, generated_by };
    let embedded = with_room(shown, &data.record.request, max_clips);
    ui.stream(file, |out| {
        put(out, &scoring_html_start(&input))?;
        for row in shown.rows() {
            let clips = row.clips().filter(|clip| embedded.contains(&clip.ordinal));
            let embeds: Vec<ScoringEmbed> =
                clips.filter_map(|clip| embed(clip, data.record.request.clip(clip.ordinal)?)).collect();
            put(out, &scoring_html_row(&input, row, &embeds))?;
        }
        put(out, &scoring_html_end(&input))
    })
}

/// The clips whose videos fit into the page, by the size of their files.
fn with_room(shown: &ScoringClips<'_>, request: &ScoringRequest, max_clips: usize) -> BTreeSet<u64> {
    let clips = shown.rows().iter().flat_map(ShownRow::clips);
    let playable = clips.filter(|clip| clip.facts.as_ref().and_then(playable).is_some());
    let ordinals: BTreeSet<u64> = playable.map(|clip| clip.ordinal).collect();
    let mut room = report::MAX_CLIP_BYTES;
    let fits = |ordinal: &u64| {
        let asked = request.clip(*ordinal)?;
        let paths = std::iter::once(&asked.path).chain(&asked.reference);
        let lengths = paths.map(|path| std::fs::metadata(path_from_text(path)).map_or(0, |file| file.len()));
        room = room.checked_sub(lengths.sum())?;
        Some(*ordinal)
    };
    ordinals.iter().filter_map(fits).take(max_clips).collect()
}

/// The video of a clip, and that of its reference if it can be played too.
fn embed(clip: &ScoredClip, asked: &RequestedClip) -> Option<ScoringEmbed> {
    let mime = playable(clip.facts.as_ref()?)?;
    let shown = EmbeddedVideo { mime, bytes: same_file(&asked.path, clip.sha256.as_deref()?)? };
    let reference = asked.reference.as_deref().zip(clip.reference_sha256.as_deref());
    let reference = reference.and_then(|(path, sha256)| same_file(path, sha256));
    let reference = reference.and_then(|bytes| Some(EmbeddedVideo { mime: container(&bytes)?, bytes }));
    Some(ScoringEmbed { ordinal: clip.ordinal, clip: shown, reference })
}

/// The bytes of the file, if they are still those that were scored: the page shows what was scored, or nothing.
fn same_file(path: &str, sha256: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path_from_text(path)).ok()?;
    (vidbench_core::sha256_hex(&bytes) == sha256).then_some(bytes)
}

fn playable(facts: &vidbench_core::ClipFacts) -> Option<ClipMime> {
    match (facts.container.as_str(), facts.codec.as_str()) {
        (container, "h264" | "hevc" | "av1" | "vp9" | "mpeg4") if container.contains("mp4") => {
            Some(ClipMime::Mp4)
        }
        (container, "vp8" | "vp9" | "av1") if container.contains("webm") => Some(ClipMime::Webm),
        _ => None,
    }
}

/// The container of a reference, found from its first bytes, because its codec is not recorded. Only a scorer may
/// decode.
fn container(bytes: &[u8]) -> Option<ClipMime> {
    let head = bytes.get(..64)?;
    let webm = head.starts_with(b"\x1a\x45\xdf\xa3") && head.windows(4).any(|word| word == b"webm");
    match head.get(4..8) {
        Some(b"ftyp") => Some(ClipMime::Mp4),
        _ => webm.then_some(ClipMime::Webm),
    }
}
