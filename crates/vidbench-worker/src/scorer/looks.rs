//! What nets see of one clip: each extraction runs once, however many metrics are computed from it.

use vidbench_core::DecodedFrame;
use vidbench_metrics::extract::{Beginning, Extraction, Extractor, NetSource, Rows};
use vidbench_metrics::meter::Measured;
use vidbench_metrics::{MetricError, NetMetric, Seen};

/// The extractions of a clip, under way. One that fails leaves the others alone.
pub(super) struct Looks(Vec<(Extraction, Look)>);

type Look = Result<Box<dyn Extractor>, MetricError>;

impl Looks {
    pub(super) fn begin(
        extractions: impl Iterator<Item = Extraction>,
        nets: &dyn NetSource,
        clip: Beginning<'_>,
    ) -> Self {
        let mut looks: Vec<(Extraction, Look)> = Vec::new();
        for extraction in extractions {
            if !looks.iter().any(|(known, _)| *known == extraction) {
                looks.push((extraction, extraction.extractor(nets, clip)));
            }
        }
        Self(looks)
    }

    pub(super) fn push(&mut self, frame: &DecodedFrame<'_>, reference: Option<&DecodedFrame<'_>>) {
        for (_, look) in &mut self.0 {
            if let Ok(extractor) = look
                && let Err(error) = extractor.push(frame, reference)
            {
                *look = Err(error);
            }
        }
    }

    pub(super) fn finish(self, seen: Seen<'_>) -> SeenRows<'_> {
        let rows =
            self.0.into_iter().map(|(extraction, look)| (extraction, look.and_then(Extractor::finish)));
        SeenRows { rows: rows.collect(), seen }
    }
}

/// What nets saw of a clip.
pub(super) struct SeenRows<'a> {
    rows: Vec<(Extraction, Result<Rows, MetricError>)>,
    seen: Seen<'a>,
}

impl SeenRows<'_> {
    pub(super) fn measure(&self, metric: NetMetric) -> Result<Measured, MetricError> {
        let rows = self.rows(metric.extraction())?;
        let mut measured = metric.measure(rows, self.seen)?;
        let notes: Vec<_> = rows.note.iter().chain(&measured.note).cloned().collect();
        measured.note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(measured)
    }

    pub(super) fn rows(&self, extraction: Extraction) -> Result<&Rows, MetricError> {
        let rows = self.rows.iter().find(|(known, _)| *known == extraction);
        let (_, rows) = rows.expect("invariant: the extraction of every metric was begun");
        rows.as_ref().map_err(Clone::clone)
    }
}
