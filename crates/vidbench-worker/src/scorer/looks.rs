//! What nets see of one clip: each extraction runs once, however many metrics use it.

use std::time::Instant;

use vidbench_core::DecodedFrame;
use vidbench_core::protocol::Features;
use vidbench_metrics::extract::{Beginning, Extraction, Extractor, NetSource, Rows};
use vidbench_metrics::meter::Measured;
use vidbench_metrics::{MetricError, NetMetric, Seen};

/// The extractions of a clip that are under way. One that fails does not affect the others.
pub(super) struct Looks {
    under_way: Vec<UnderWay>,
    /// What was seen before.
    before: Vec<(Extraction, Rows)>,
}

struct UnderWay {
    extraction: Extraction,
    look: Result<Box<dyn Extractor>, MetricError>,
    /// Seconds it took so far.
    secs: f64,
}

impl Looks {
    pub(super) fn begin(
        extractions: impl Iterator<Item = Extraction>,
        seen: &[Features],
        nets: &dyn NetSource,
        clip: Beginning<'_>,
    ) -> Self {
        let mut looks = Self { under_way: Vec::new(), before: Vec::new() };
        for extraction in extractions {
            if looks.has(extraction) {
                continue;
            }
            match seen.iter().find(|features| features.net == extraction.id()) {
                Some(features) => looks.before.push((extraction, rows(features))),
                None => {
                    let look = extraction.extractor(nets, clip);
                    looks.under_way.push(UnderWay { extraction, look, secs: 0.0 });
                }
            }
        }
        looks
    }

    fn has(&self, extraction: Extraction) -> bool {
        self.under_way.iter().any(|known| known.extraction == extraction)
            || self.before.iter().any(|(known, _)| *known == extraction)
    }

    pub(super) fn push(&mut self, frame: &DecodedFrame<'_>, reference: Option<&DecodedFrame<'_>>) {
        for UnderWay { look, secs, .. } in &mut self.under_way {
            if let Ok(extractor) = look {
                let start = Instant::now();
                let pushed = extractor.push(frame, reference);
                *secs += start.elapsed().as_secs_f64();
                if let Err(error) = pushed {
                    *look = Err(error);
                }
            }
        }
    }

    pub(super) fn finish(self, seen: Seen<'_>) -> SeenRows<'_> {
        let before = self.before.into_iter().map(|(extraction, rows)| (extraction, Ok(rows)));
        let mut secs = Vec::new();
        let now = self.under_way.into_iter().map(|UnderWay { extraction, look, secs: pushing }| {
            let start = Instant::now();
            let rows = look.and_then(Extractor::finish);
            secs.push((extraction, pushing + start.elapsed().as_secs_f64()));
            (extraction, rows)
        });
        let rows = before.chain(now).collect();
        SeenRows { rows, secs, seen }
    }
}

fn rows(features: &Features) -> Rows {
    let count = (features.rows as usize).max(1);
    Rows::new(features.values.len() / count, features.values.clone())
}

/// What nets saw of a clip.
pub(super) struct SeenRows<'a> {
    rows: Vec<(Extraction, Result<Rows, MetricError>)>,
    /// Seconds of each extraction that was made now.
    secs: Vec<(Extraction, f64)>,
    seen: Seen<'a>,
}

impl SeenRows<'_> {
    /// Seconds that each extraction that was made now took, by its id.
    pub(super) fn secs(&self) -> impl Iterator<Item = (String, f64)> {
        self.secs.iter().map(|(extraction, secs)| (extraction.id().to_owned(), *secs))
    }

    pub(super) fn measure(&self, metric: NetMetric) -> Result<Measured, MetricError> {
        let rows = self.rows(metric.extraction())?;
        let mut measured = metric.measure(rows, self.seen)?;
        let notes: Vec<_> = rows.note.iter().chain(&measured.note).cloned().collect();
        measured.note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(measured)
    }

    /// What may be kept for metrics of the same clip that are asked for later. Not rows with a note, because the note
    /// would be lost.
    pub(super) fn kept(&self, extraction: Extraction) -> Option<Features> {
        let rows = self.rows(extraction).ok().filter(|rows| rows.count() > 0 && rows.note.is_none())?;
        let count = u32::try_from(rows.count()).ok()?;
        Some(Features { net: extraction.id().to_owned(), rows: count, values: rows.values.clone() })
    }

    pub(super) fn rows(&self, extraction: Extraction) -> Result<&Rows, MetricError> {
        let rows = self.rows.iter().find(|(known, _)| *known == extraction);
        let (_, rows) = rows.expect("invariant: the extraction of every metric was begun");
        rows.as_ref().map_err(Clone::clone)
    }
}
