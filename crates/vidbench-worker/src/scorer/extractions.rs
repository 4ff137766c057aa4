//! The features of one clip: each extraction runs once, however many metrics use it.

use std::time::Instant;

use vidbench_core::DecodedFrame;
use vidbench_core::protocol::Features;
use vidbench_metrics::extract::{Beginning, Extraction, Extractor, NetSource, Rows};
use vidbench_metrics::meter::Measured;
use vidbench_metrics::{ClipContext, MetricError, NetMetric};

/// The extractions of a clip that are under way. One that fails does not affect the others.
pub(super) struct Extractions {
    under_way: Vec<UnderWay>,
    /// Those whose features are known.
    known: Vec<(Extraction, Rows)>,
}

struct UnderWay {
    extraction: Extraction,
    extractor: Result<Box<dyn Extractor>, MetricError>,
    /// Seconds it took so far.
    secs: f64,
}

impl Extractions {
    pub(super) fn begin(
        wanted: impl Iterator<Item = Extraction>,
        known: &[Features],
        nets: &dyn NetSource,
        clip: Beginning<'_>,
    ) -> Self {
        let mut extractions = Self { under_way: Vec::new(), known: Vec::new() };
        for extraction in wanted {
            if extractions.has(extraction) {
                continue;
            }
            match known.iter().find(|features| features.net == extraction.id()) {
                Some(features) => extractions.known.push((extraction, rows(features))),
                None => {
                    let extractor = extraction.extractor(nets, clip);
                    extractions.under_way.push(UnderWay { extraction, extractor, secs: 0.0 });
                }
            }
        }
        extractions
    }

    fn has(&self, extraction: Extraction) -> bool {
        self.under_way.iter().any(|known| known.extraction == extraction)
            || self.known.iter().any(|(known, _)| *known == extraction)
    }

    pub(super) fn push(&mut self, frame: &DecodedFrame<'_>, reference: Option<&DecodedFrame<'_>>) {
        for UnderWay { extractor, secs, .. } in &mut self.under_way {
            if let Ok(running) = extractor {
                let start = Instant::now();
                let pushed = running.push(frame, reference);
                *secs += start.elapsed().as_secs_f64();
                if let Err(error) = pushed {
                    *extractor = Err(error);
                }
            }
        }
    }

    pub(super) fn finish(self, context: ClipContext<'_>) -> ExtractedRows<'_> {
        let known = self.known.into_iter().map(|(extraction, rows)| (extraction, Ok(rows)));
        let mut secs = Vec::new();
        let now = self.under_way.into_iter().map(|UnderWay { extraction, extractor, secs: pushing }| {
            let start = Instant::now();
            let rows = extractor.and_then(Extractor::finish);
            secs.push((extraction, pushing + start.elapsed().as_secs_f64()));
            (extraction, rows)
        });
        let rows = known.chain(now).collect();
        ExtractedRows { rows, secs, context }
    }
}

fn rows(features: &Features) -> Rows {
    let count = (features.rows as usize).max(1);
    Rows::new(features.values.len() / count, features.values.clone())
}

/// The rows of every extraction.
pub(super) struct ExtractedRows<'a> {
    rows: Vec<(Extraction, Result<Rows, MetricError>)>,
    /// Seconds of each extraction that was made now.
    secs: Vec<(Extraction, f64)>,
    context: ClipContext<'a>,
}

impl ExtractedRows<'_> {
    /// Seconds that each extraction that was made now took, by its id.
    pub(super) fn secs(&self) -> impl Iterator<Item = (String, f64)> {
        self.secs.iter().map(|(extraction, secs)| (extraction.id().to_owned(), *secs))
    }

    pub(super) fn measure(&self, metric: NetMetric) -> Result<Measured, MetricError> {
        let rows = self.rows(metric.extraction())?;
        let mut measured = metric.measure(rows, self.context)?;
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
