//! Progress on stderr, built only from events: a bar on a terminal, lines elsewhere, JSON lines for programs.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use vidbench_core::{ClipOutcome, Event, IdleWhen, Outcome, Phase, SampleId};
use vidbench_report::visible_line;

use crate::cli::Progress;
use crate::commands::{bytes_text, counted};

/// Least time between two plain progress lines; failures and slow samples are always shown.
pub(super) const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Shows events in the chosen form.
pub(crate) struct ProgressView {
    kind: Kind,
    phase: Phase,
    total: u64,
    done: u64,
    failed: u64,
    phase_started: Instant,
    current: String,
    /// Samples done and failed, as shown in the last plain line.
    told: Option<(u64, u64)>,
    /// The last sample that was counted when its file was stored; its verdict must not be counted again.
    generated: Option<SampleId>,
}

pub(super) enum Kind {
    Bar(ProgressBar),
    Plain { last: Option<Instant> },
    Json,
    None,
}

impl Kind {
    pub(super) fn of(wanted: Progress, quiet: bool) -> Self {
        match wanted {
            Progress::None => Self::None,
            Progress::Json => Self::Json,
            Progress::Auto if quiet => Self::None,
            Progress::Bar => Self::Bar(bar()),
            Progress::Auto if io::stderr().is_terminal() => Self::Bar(bar()),
            Progress::Auto | Progress::Plain => Self::Plain { last: None },
        }
    }
}

impl ProgressView {
    pub(crate) fn new(wanted: Progress, quiet: bool) -> Self {
        let kind = Kind::of(wanted, quiet);
        let (phase, phase_started) = (Phase::Generate, Instant::now());
        Self {
            kind,
            phase,
            total: 0,
            done: 0,
            failed: 0,
            phase_started,
            current: String::new(),
            told: None,
            generated: None,
        }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        if let Kind::Json = self.kind {
            if let Ok(line) = serde_json::to_string(event) {
                super::write_stderr(&line);
            }
            return;
        }
        match event {
            Event::RunStarted { run, planned, done } => {
                let resumed = if *done > 0 { format!(", {done} already done") } else { String::new() };
                self.line(&format!("run {run}: {}{resumed}", counted(*planned, "sample")));
            }
            Event::PhaseStarted { phase, total } => {
                (self.phase, self.total, self.done, self.failed) = (*phase, *total, 0, 0);
                (self.generated, self.told) = (None, None);
                self.phase_started = Instant::now();
                self.current.clear();
                self.refresh(true);
            }
            Event::PhaseFinished { phase } => {
                // Samples and clips were counted one by one, and a person may have stopped the work before the last.
                if *phase == Phase::SetMetrics {
                    self.done = self.total;
                }
                let news = self.told != Some((self.done, self.failed));
                self.refresh(news);
            }
            Event::SampleStarted { label, .. } => {
                self.current.clone_from(label);
                self.refresh(false);
            }
            Event::Step { index, total } => self.step(*index, *total),
            Event::Downloading { model, done_bytes, total_bytes } => {
                self.downloading(&format!(
                    "downloading {model}: {} of {}",
                    bytes_text(*done_bytes),
                    bytes_text(*total_bytes)
                ));
            }
            Event::SampleSlow { elapsed_secs, usual_secs, .. } => {
                let usual = usual_secs.map_or(String::new(), |usual| format!(" (usual {})", duration(usual)));
                self.line(&format!(
                    "still running after {}{usual}: {}",
                    duration(*elapsed_secs),
                    self.current
                ));
            }
            Event::Generated { sample, .. } => {
                if self.phase != Phase::Score {
                    self.generated = Some(*sample);
                    self.done += 1;
                    self.refresh(false);
                }
            }
            Event::Judged { sample, label, outcome, reason } => {
                self.judged(*sample, label, *outcome, reason.as_deref());
            }
            Event::ClipScored { label, outcome, reason, .. } => {
                if *outcome != ClipOutcome::Ok {
                    let reason = one_line(reason.as_deref().unwrap_or("no reason given"));
                    self.line(&format!("{outcome}: {label}: {reason}"));
                }
                self.failed += u64::from(*outcome != ClipOutcome::Ok);
                self.done += 1;
                self.refresh(false);
            }
            Event::RunFinished { .. } => self.finish(),
            said => line_of(said).into_iter().for_each(|line| self.line(&line)),
        }
    }

    /// Removes the bar and leaves the terminal as it was.
    pub(crate) fn finish(&self) {
        if let Kind::Bar(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }

    fn judged(&mut self, sample: SampleId, label: &str, outcome: Outcome, reason: Option<&str>) {
        if outcome.is_failure() {
            self.line(&format!("{outcome}: {label}: {}", one_line(reason.unwrap_or("no reason given"))));
        }
        // A prompt that the policy rejects is judged before the first phase.
        if self.total == 0 {
            return;
        }
        self.failed += u64::from(outcome.is_failure());
        // In the generate phase a sample is counted when its file is stored, or when it is certain that there will be
        // none.
        if self.generated != Some(sample) {
            self.done += 1;
        }
        self.refresh(false);
    }

    fn step(&mut self, index: u32, total: u32) {
        if let Kind::Bar(bar) = &self.kind {
            bar.set_message(format!("{} [step {index}/{total}]", self.current));
        }
    }

    fn downloading(&mut self, text: &str) {
        match &mut self.kind {
            Kind::Bar(bar) => bar.set_message(text.to_owned()),
            Kind::Plain { last } if last.is_none_or(|last| last.elapsed() >= PLAIN_INTERVAL) => {
                *last = Some(Instant::now());
                super::write_stderr(text);
            }
            Kind::Plain { .. } | Kind::Json | Kind::None => {}
        }
    }

    fn line(&self, text: &str) {
        // Much of the text comes from workers, so it is reduced to one line without control characters.
        let text = without_controls(text);
        match &self.kind {
            Kind::Bar(bar) => bar.suspend(|| super::write_stderr(&text)),
            Kind::Plain { .. } => super::write_stderr(&text),
            Kind::Json | Kind::None => {}
        }
    }

    fn refresh(&mut self, force: bool) {
        let summary = self.summary();
        let is_last = self.done == self.total;
        match &mut self.kind {
            Kind::Bar(bar) => {
                bar.set_length(self.total);
                bar.set_position(self.done);
                bar.set_prefix(summary);
                bar.set_message(self.current.clone());
            }
            Kind::Plain { last } => {
                let news = self.told != Some((self.done, self.failed));
                if force || news && (is_last || last.is_none_or(|last| last.elapsed() >= PLAIN_INTERVAL)) {
                    *last = Some(Instant::now());
                    self.told = Some((self.done, self.failed));
                    super::write_stderr(&summary);
                }
            }
            Kind::Json | Kind::None => {}
        }
    }

    /// `generate 12/48, 2.3/s, 16 s left, 1 failed`
    fn summary(&self) -> String {
        let mut text = format!("{} {}/{}", self.phase.name(), self.done, self.total);
        let elapsed = self.phase_started.elapsed().as_secs_f64();
        if self.done > 0 && elapsed > 0.5 {
            let rate = self.done as f64 / elapsed;
            let left = self.total.saturating_sub(self.done) as f64 / rate;
            let rate = if rate >= 1.0 { format!("{rate:.1}/s") } else { format!("{:.1} s each", 1.0 / rate) };
            text.push_str(&format!(", {rate}, {} left", duration(left)));
        }
        if self.failed > 0 {
            text.push_str(&format!(", {} failed", self.failed));
        }
        text
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:24} {prefix}  {wide_msg}");
    bar.set_style(style.expect("invariant: the template is a constant that a test builds"));
    bar
}

/// `45 s`, `3m12s`, `2h05m`
pub(crate) fn duration(secs: f64) -> String {
    let whole = secs.round() as u64;
    match whole {
        0..60 if secs < 10.0 => format!("{secs:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
    }
}

/// The line for an event that changes nothing else in the display.
fn line_of(event: &Event) -> Option<String> {
    Some(match event {
        Event::ModelLoaded { model, load_secs } => {
            format!("loaded {model} in {load_secs:.1} s")
        }
        Event::SamplesReused { samples } => {
            format!("{samples} samples are reused from earlier runs and have no latency")
        }
        Event::Retried { label, attempt, of, wait_secs, outcome, reason, .. } => {
            format!(
                "{outcome}, attempt {attempt} of {of}, retrying in {wait_secs:.1} s: {label}: {}",
                one_line(reason)
            )
        }
        Event::Breaker(change) => {
            let (model, operation, state) = (&change.model, change.operation.name(), change.state.name());
            format!("breaker of {model} ({operation}) is {state}: {}", change.reason)
        }
        Event::Health(change) => {
            let (part, state, whole) = (change.part.name(), change.state.name(), change.whole.name());
            format!("health is {whole}: {part} is {state}: {}", one_line(&change.reason))
        }
        Event::Alert(change) => {
            let of = change.subject.as_ref().map_or(String::new(), |subject| format!(" of {subject}"));
            let (alert, state) = (change.alert.name(), change.state.name());
            format!("alert {state}: {alert}{of}: {}", one_line(&change.reason))
        }
        Event::Resting { when, secs } => {
            let model = match when {
                IdleWhen::Before => "before the first model",
                IdleWhen::After => "after the last model",
            };
            format!("measuring idle power for {} {model}", duration(*secs))
        }
        Event::BreakersWait { secs } => {
            format!("all models are paused, the next is tried in {}", duration(*secs))
        }
        Event::WorkerRestarted { worker, reason } => {
            format!("restarting worker {worker}: {reason}")
        }
        Event::Warning { message } => format!("warning: {message}"),
        Event::RunStarted { .. }
        | Event::PhaseStarted { .. }
        | Event::PhaseFinished { .. }
        | Event::SampleStarted { .. }
        | Event::Step { .. }
        | Event::Downloading { .. }
        | Event::SampleSlow { .. }
        | Event::Generated { .. }
        | Event::Judged { .. }
        | Event::ClipScored { .. }
        | Event::RunFinished { .. } => return None,
    })
}

/// A reason may contain the last output of a worker, but a progress line must be a single line.
fn one_line(text: &str) -> String {
    let flat = without_controls(text);
    if flat.chars().count() <= 300 { flat } else { flat.chars().take(300).chain(['…']).collect() }
}

fn without_controls(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible_line(&flat).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (secs, text) in
            [(0.04, "0.0 s"), (9.96, "10.0 s"), (45.4, "45 s"), (192.0, "3m12s"), (7500.0, "2h05m")]
        {
            assert_eq!(duration(secs), text);
        }
    }

    #[test]
    fn the_bar_template_is_valid() {
        bar();
    }

    #[test]
    fn reasons_are_one_short_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(one_line(&"x".repeat(400)).chars().count(), 301);
    }

    #[test]
    fn a_sample_counts_once_whatever_becomes_of_it() {
        let mut view = ProgressView::new(Progress::None, false);
        view.show(&Event::PhaseStarted { phase: Phase::Generate, total: 4 });
        for (id, made, outcome) in
            [(1, true, Outcome::Ok), (2, false, Outcome::Timeout), (3, true, Outcome::InvalidOutput)]
        {
            let sample = SampleId([id; 16]);
            if made {
                view.show(&Event::Generated { sample, service_secs: 1.0 });
            }
            view.show(&Event::Judged { sample, label: "a".into(), outcome, reason: None });
        }
        assert_eq!(view.summary(), "generate 3/4, 2 failed");
        view.show(&Event::PhaseStarted { phase: Phase::Score, total: 1 });
        let sample = SampleId([3; 16]);
        view.show(&Event::Judged { sample, label: "a".into(), outcome: Outcome::Ok, reason: None });
        assert_eq!(view.summary(), "score 1/1");
    }

    #[test]
    fn a_phase_that_was_stopped_ends_at_what_is_done() {
        let mut view = ProgressView::new(Progress::None, false);
        view.show(&Event::PhaseStarted { phase: Phase::Score, total: 60 });
        let (label, outcome) = ("a.mp4".to_owned(), ClipOutcome::Ok);
        view.show(&Event::ClipScored { ordinal: 0, label, outcome, reason: None, known: false });
        view.show(&Event::PhaseFinished { phase: Phase::Score });
        assert_eq!(view.summary(), "score 1/60");
        view.show(&Event::PhaseStarted { phase: Phase::SetMetrics, total: 2 });
        view.show(&Event::PhaseFinished { phase: Phase::SetMetrics });
        assert_eq!(view.summary(), "set metrics 2/2");
    }
}
