//! One pass over a clip, and over its reference in step: each frame is decoded once and lent to every meter. Nets that choose frames by the
//! length of a clip (ViCLIP, UMT, RAFT of dynamic degree) need the number of frames beforehand: for them the clip is decoded a first time, without colours, to count them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vidbench_core::protocol::{Features, Pairing, ScoreParams};
use vidbench_core::{ClipFacts, DecodedFrame, FramesU8, MetricScore, path_from_text};
use vidbench_metrics::extract::{Beginning, Extraction, NetSource};
use vidbench_metrics::meter::{ClipCollector, ClipMeter, FrameView, PairMeter, PairView};
use vidbench_metrics::{ClipContext, ClipMetric, Metric, MetricError, NetMetric, NetSetMetric, PairMetric};
use vidbench_video::{FrameReader, ReadOptions, VideoError};

use super::extractions::{ExtractedRows, Extractions};
use super::facts::FactsMeter;
use super::pair::Reference;
use super::source::{Image, Source};
use super::texts::KnownTexts;

/// What is to be measured.
pub(super) struct Pass<'a> {
    params: &'a ScoreParams,
    options: ReadOptions,
    metrics: Vec<Measuring>,
    facts: FactsMeter,
    nets: &'a dyn NetSource,
    /// Metrics of sets, whose features of this clip are wanted.
    sets: Vec<NetSetMetric>,
    /// The clip, for set metrics whose net looks at all of it.
    clip: Option<ClipCollector>,
}

/// One of the two files.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Whose {
    Sample,
    Reference,
}

/// A metric with its meter.
enum Measuring {
    Clip(ClipMetric, Box<dyn ClipMeter>),
    Pair(PairMetric, Box<dyn PairMeter>),
    /// A metric computed from net features, which several metrics share.
    Net(NetMetric),
}

/// What a pass gave.
pub(super) struct Passed {
    pub(super) facts: Result<ClipFacts, String>,
    pub(super) pairing: Option<Pairing>,
    pub(super) scores: Vec<MetricScore>,
    pub(super) features: Vec<Features>,
    pub(super) net_secs: BTreeMap<String, f64>,
    pub(super) clip: Option<Result<FramesU8, MetricError>>,
}

/// The time that a pass took. With nets, decoding and scoring go on at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) decoding: Duration,
    pub(super) scoring: Duration,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        metrics: &[Metric],
        params: &'a ScoreParams,
        options: ReadOptions,
        nets: &'a dyn NetSource,
    ) -> Self {
        let prompt = params.prompt.as_deref();
        let measuring = metrics.iter().filter_map(|metric| match metric {
            Metric::Clip(metric) => Some(Measuring::Clip(*metric, metric.meter(prompt))),
            Metric::Pair(metric) => Some(Measuring::Pair(*metric, metric.meter())),
            Metric::Net(metric) => Some(Measuring::Net(*metric)),
            Metric::Set(_) | Metric::Feature(_) | Metric::NetSet(_) => None,
        });
        let sets = metrics.iter().filter_map(|metric| metric.net_set()).collect();
        let clip = metrics.iter().any(|metric| metric.set().is_some()).then(ClipCollector::default);
        Self { params, options, metrics: measuring.collect(), facts: FactsMeter::new(), nets, sets, clip }
    }

    fn extractions(&self) -> impl Iterator<Item = Extraction> {
        let of_clips = self.metrics.iter().filter_map(|metric| match metric {
            Measuring::Net(metric) => Some(metric.extraction()),
            Measuring::Clip(..) | Measuring::Pair(..) => None,
        });
        of_clips.chain(self.sets.iter().map(|metric| metric.extraction()))
    }

    /// Both files are converted to RGB only for metrics that look at it.
    fn options(&self, whose: Whose) -> ReadOptions {
        let of_rgb = |measuring: &Measuring| match measuring {
            Measuring::Clip(..) => whose == Whose::Sample,
            Measuring::Pair(metric, _) => !metric.is_of_luma(),
            Measuring::Net(metric) => whose == Whose::Sample || metric.is_of_pair(),
        };
        let of_set = self.clip.is_some() || !self.sets.is_empty();
        let rgb = self.metrics.iter().any(of_rgb) || (whose == Whose::Sample && of_set);
        ReadOptions { rgb, ..self.options.clone() }
    }

    /// Reads both files to their ends.
    pub(super) fn run(mut self) -> Result<(Passed, Spent), VideoError> {
        let ahead = self.extractions().any(|extraction| !self.knows(extraction));
        let mut sample = Source::open(&self.params.path, &self.options(Whose::Sample), ahead)?;
        let options = self.options(Whose::Reference);
        let reference = self.params.reference.as_deref();
        let mut reference = reference.map(|path| Reference::open(path, &options, ahead));
        let frames = match self
            .extractions()
            .any(|extraction| extraction.counts_frames() && !self.knows(extraction))
        {
            true => Some(count_frames(&self.params.path, &self.options)?),
            false => None,
        };
        let mut start = Instant::now();
        let mut extractions = self.begin(&sample, frames);
        let mut scoring = start.elapsed();
        let mut size = (0, 0);
        let compares = self.metrics.iter().any(|metric| matches!(metric, Measuring::Clip(..)));
        let mut previous: Option<Vec<u8>> = None;
        while let Some(frame) = sample.next_frame()? {
            let beside = reference.as_mut().and_then(|reference| reference.beside(frame.width, frame.height));
            start = Instant::now();
            size = (frame.width, frame.height);
            extractions.push(&frame, beside.as_ref());
            self.push(&frame, beside, previous.as_deref());
            if compares {
                let kept = previous.get_or_insert_default();
                kept.clear();
                kept.extend_from_slice(frame.rgb);
            }
            scoring += start.elapsed();
        }
        let luma = reference.as_ref().and_then(|reference| reference.luma_differs(&sample.probe().colour));
        let rates = reference.as_ref().and_then(|reference| reference.rate_differs(sample.fps()));
        let (pairing, beside) = reference.map(Reference::finish).unzip();
        let decoding = sample.spent() + beside.unwrap_or_default();
        start = Instant::now();
        let passed = self.finish(&sample, size, extractions, Compared { pairing, luma, rates });
        scoring += start.elapsed();
        Ok((passed, Spent { decoding, scoring }))
    }

    /// Whether the features of this extraction are known already.
    fn knows(&self, extraction: Extraction) -> bool {
        self.params.known_features.iter().any(|features| features.net == extraction.id())
    }

    fn begin(&self, sample: &Source, frames: Option<usize>) -> Extractions {
        let image = match self.extractions().any(Extraction::looks_at_image) {
            true => Image::read(self.params.image.as_deref(), &self.options),
            false => Err(MetricError::NoImage),
        };
        let image = image.as_ref().map(Image::lent);
        let beginning = Beginning { fps: sample.fps(), frames, image };
        Extractions::begin(self.extractions(), &self.params.known_features, self.nets, beginning)
    }

    /// Lends a frame to every meter.
    fn push(&mut self, frame: &DecodedFrame<'_>, beside: Option<DecodedFrame<'_>>, previous: Option<&[u8]>) {
        self.facts.push(frame);
        if let Some(clip) = &mut self.clip {
            clip.push(frame);
        }
        let view = FrameView::new(*frame, previous);
        let pair = beside.map(|reference| PairView::new(reference, *frame));
        for metric in &mut self.metrics {
            match (metric, &pair) {
                (Measuring::Clip(_, meter), _) => meter.push(&view),
                (Measuring::Pair(_, meter), Some(pair)) => meter.push(pair),
                (Measuring::Pair(..), None) | (Measuring::Net(_), _) => {}
            }
        }
    }

    /// Called when both files are read; the time that took is not known here.
    fn finish(
        self,
        sample: &Source,
        (width, height): (usize, usize),
        extractions: Extractions,
        compared: Compared,
    ) -> Passed {
        let frames = self.facts.frames();
        let facts = self.facts.finish(sample.probe());
        let prompt = self.params.prompt.as_deref();
        let texts = KnownTexts::new(self.nets, prompt, &self.params.known_features);
        let extracted = extractions.finish(ClipContext {
            width,
            height,
            frames,
            fps: sample.fps(),
            prompt,
            nets: &texts,
        });
        let (mut features, without) = features(&self.sets, &extracted);
        if self.params.return_features {
            keep(&self.metrics, &self.params.known_features, &extracted, &mut features);
        }
        let scores = self.metrics.into_iter();
        let scores = scores.map(|metric| finish(metric, &compared, &extracted));
        let scores = scores.chain(without).collect();
        let mut net_secs: BTreeMap<_, _> = extracted.secs().collect();
        drop(extracted);
        if self.params.return_features {
            for (text, secs) in texts.into_computed() {
                net_secs.insert(text.net.clone(), secs);
                features.push(text);
            }
        }
        net_secs.retain(|net, _| features.iter().any(|features| features.net == *net));
        let clip = self.clip.map(ClipCollector::finish);
        Passed { facts, pairing: compared.pairing, scores, features, net_secs, clip }
    }
}

/// Adds the features for metrics of the clip, each extraction once, except those known `before`.
fn keep(
    metrics: &[Measuring],
    before: &[Features],
    extracted: &ExtractedRows<'_>,
    features: &mut Vec<Features>,
) {
    for measuring in metrics {
        let Measuring::Net(metric) = measuring else { continue };
        let extraction = metric.extraction();
        let of_clip = !metric.is_of_pair() && !extraction.looks_at_image();
        let is_new = !features.iter().chain(before).any(|known| known.net == extraction.id());
        if of_clip && is_new {
            features.extend(extracted.kept(extraction));
        }
    }
}

/// Counts the frames of a file by decoding them, because what containers say may be wrong.
fn count_frames(path: &str, options: &ReadOptions) -> Result<usize, VideoError> {
    let mut reader =
        FrameReader::open_with(path_from_text(path), &ReadOptions { rgb: false, ..options.clone() })?;
    let mut frames = 0;
    while reader.next_frame()?.is_some() {
        frames += 1;
    }
    Ok(frames)
}

/// Features for metrics of sets, each once, and a score without a value for each metric whose features the clip cannot give.
fn features(sets: &[NetSetMetric], extracted: &ExtractedRows<'_>) -> (Vec<Features>, Vec<MetricScore>) {
    let (mut features, mut without) = (Vec::<Features>::new(), Vec::new());
    for metric in sets {
        let net = metric.extraction().id();
        match extracted.rows(metric.extraction()) {
            Ok(_) if features.iter().any(|known| known.net == net) => {}
            Ok(rows) if rows.count() == 0 => {
                let error = MetricError::TooFewFrames { frames: 0, needed: 1 };
                without.push(MetricScore::new(metric.descriptor().metric_id(), error.into()));
            }
            Ok(rows) => features.push(Features {
                net: net.to_owned(),
                rows: u32::try_from(rows.count()).unwrap_or(u32::MAX),
                values: rows.values.clone(),
            }),
            Err(error) => without.push(MetricScore::new(metric.descriptor().metric_id(), error.into())),
        }
    }
    (features, without)
}

/// How a clip and its reference go together.
struct Compared {
    pairing: Option<Pairing>,
    /// Why their luma cannot be compared.
    luma: Option<MetricError>,
    /// The note on scores where both have different frame rates.
    rates: Option<String>,
}

fn finish(metric: Measuring, compared: &Compared, extracted: &ExtractedRows<'_>) -> MetricScore {
    let Compared { pairing, luma, rates } = compared;
    let reason = pairing.as_ref().and_then(Pairing::reason);
    let no_pair = reason.map(|reason| MetricError::NoPair { reason: reason.to_owned() });
    let of_pair = match &metric {
        Measuring::Pair(..) => true,
        Measuring::Net(metric) => metric.is_of_pair(),
        Measuring::Clip(..) => false,
    };
    let mut score = match (metric, no_pair) {
        (Measuring::Clip(metric, meter), _) => metric.score(meter.finish()),
        (Measuring::Pair(metric, _), Some(error)) => metric.score(Err(error)),
        (Measuring::Pair(metric, meter), None) => {
            metric.score(meter.finish().and_then(|measured| match luma {
                Some(error) if metric.is_of_luma() => Err(error.clone()),
                Some(_) | None => Ok(measured),
            }))
        }
        (Measuring::Net(metric), Some(error)) if metric.is_of_pair() => metric.score(Err(error)),
        (Measuring::Net(metric), _) => metric.score(extracted.measure(metric)),
    };
    if of_pair && score.score.value().is_some() && score.note.is_none() {
        score.note.clone_from(rates);
    }
    score
}
