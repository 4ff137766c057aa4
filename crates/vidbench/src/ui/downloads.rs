//! Progress of downloads on stderr, in the same forms as [`super::progress`].

use std::time::{Duration, Instant};

use serde_json::json;
use vidbench_nn::FetchEvent;

use super::progress::{Kind, PLAIN_INTERVAL, duration};
use crate::cli::Progress;
use crate::commands::bytes_text;

/// Least time between two JSON lines.
const JSON_INTERVAL: Duration = Duration::from_secs(1);

/// Shows the progress of a download.
pub(crate) struct DownloadView {
    kind: Kind,
    file: String,
    /// When the first bytes of this attempt were reported, and how many bytes were already there.
    begun: Option<(Instant, u64)>,
    told: Option<Instant>,
}

impl DownloadView {
    pub(crate) fn new(wanted: Progress, quiet: bool) -> Self {
        Self { kind: Kind::of(wanted, quiet), file: String::new(), begun: None, told: None }
    }

    pub(crate) fn show(&mut self, file: &str, event: &FetchEvent) {
        if self.file != file {
            (self.begun, self.told) = (None, None);
            file.clone_into(&mut self.file);
        }
        match event {
            FetchEvent::Bytes { done, total } => self.bytes(*done, *total),
            FetchEvent::Retry { reason, wait } => {
                self.begun = None;
                self.retry(reason, *wait);
            }
        }
    }

    /// Removes the bar and leaves the terminal as it was.
    pub(crate) fn finish(&mut self) {
        if let Kind::Bar(bar) = &self.kind {
            bar.finish_and_clear();
            bar.reset();
        }
    }

    fn bytes(&mut self, done: u64, total: Option<u64>) {
        let (begun, before) = *self.begun.get_or_insert((Instant::now(), done));
        let summary = summary(&self.file, done, total, done.saturating_sub(before), begun.elapsed());
        let whole = total == Some(done);
        let due = |interval| whole || self.told.is_none_or(|told| told.elapsed() >= interval);
        match &self.kind {
            Kind::Bar(bar) => {
                bar.set_length(total.unwrap_or(done));
                bar.set_position(done);
                bar.set_prefix(summary);
            }
            Kind::Plain { .. } if due(PLAIN_INTERVAL) => {
                self.told = Some(Instant::now());
                super::write_stderr(&summary);
            }
            Kind::Json if due(JSON_INTERVAL) => {
                self.told = Some(Instant::now());
                let event = json!({ "event": "download", "file": self.file, "done_bytes": done, "total_bytes": total });
                super::write_stderr(&event.to_string());
            }
            Kind::Plain { .. } | Kind::Json | Kind::None => {}
        }
    }

    fn retry(&self, reason: &str, wait: Duration) {
        let text = format!("{}: {reason}; retrying in {}", self.file, duration(wait.as_secs_f64()));
        let text = super::visible(&text);
        match &self.kind {
            Kind::Bar(bar) => bar.suspend(|| super::write_stderr(&text)),
            Kind::Plain { .. } => super::write_stderr(&text),
            Kind::Json => {
                let secs = wait.as_secs_f64();
                let event = json!({ "event": "download_retry", "file": self.file, "reason": reason, "wait_secs": secs });
                super::write_stderr(&event.to_string());
            }
            Kind::None => {}
        }
    }
}

/// `fetch raft-things.pth 12.0 of 21.1 MB, 3.4 MB/s, 3 s left`
fn summary(file: &str, done: u64, total: Option<u64>, new: u64, elapsed: Duration) -> String {
    let mut text = format!("fetch {file} {}", bytes_text(done));
    if let Some(total) = total {
        text.push_str(&format!(" of {}", bytes_text(total)));
    }
    let secs = elapsed.as_secs_f64();
    if new == 0 || secs < 0.5 || total == Some(done) {
        return text;
    }
    let rate = new as f64 / secs;
    text.push_str(&format!(", {}/s", bytes_text(rate as u64)));
    if let Some(total) = total {
        text.push_str(&format!(", {} left", duration(total.saturating_sub(done) as f64 / rate)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_reads_well_from_its_first_byte_to_its_last() {
        let at = |done, total, new, secs| summary("a.pth", done, total, new, Duration::from_secs(secs));
        assert_eq!(at(0, Some(21_108_000), 0, 0), "fetch a.pth 0 B of 21.1 MB");
        assert_eq!(
            at(12_000_000, Some(21_000_000), 6_000_000, 2),
            "fetch a.pth 12.0 MB of 21.0 MB, 3.0 MB/s, 3.0 s left"
        );
        assert_eq!(at(12_000_000, None, 6_000_000, 2), "fetch a.pth 12.0 MB, 3.0 MB/s");
        assert_eq!(at(5, Some(5), 5, 2), "fetch a.pth 5 B of 5 B");
    }
}
