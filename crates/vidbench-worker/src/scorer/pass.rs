//! One pass over a clip, and over its reference in step: each frame is decoded once and lent to every meter.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vidbench_core::protocol::{Features, Pairing, ScoreParams};
use vidbench_core::{ClipFacts, DecodedFrame, FramesU8, MetricScore, path_from_text};
use vidbench_metrics::extract::{Beginning, Extraction, NetSource};
use vidbench_metrics::meter::{ClipCollector, ClipMeter, FrameView, PairMeter, PairView};
use vidbench_metrics::{ClipMetric, Metric, MetricError, NetMetric, NetSetMetric, PairMetric, Seen};
use vidbench_video::{Colour, ColourRange, FrameReader, ReadOptions, VideoError};

use super::facts::FactsMeter;
use super::looks::{Looks, SeenRows};
use super::texts::KnownTexts;
use super::with_causes;

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
    /// Of what a net sees, which several metrics share.
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
    pub(super) decode_secs: f64,
    pub(super) score_secs: f64,
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
    pub(super) fn run(mut self) -> Result<Passed, VideoError> {
        let (begin, mut scoring) = (Instant::now(), Duration::ZERO);
        let mut sample =
            FrameReader::open_with(path_from_text(&self.params.path), &self.options(Whose::Sample))?;
        let options = self.options(Whose::Reference);
        let mut reference = self.params.reference.as_deref().map(|path| Reference::open(path, &options));
        let known =
            |extraction: &Extraction| self.params.seen.iter().any(|features| features.net == extraction.id());
        let frames = match self.extractions().any(|look| look.counts_frames() && !known(&look)) {
            true => Some(count_frames(&self.params.path, &self.options)?),
            false => None,
        };
        let image = match self.extractions().any(Extraction::looks_at_image) {
            true => image(self.params.image.as_deref(), &self.options),
            false => Err(MetricError::NoImage),
        };
        let image = image.as_ref().map(Image::lent);
        let beginning = Beginning { fps: sample.probe().fps.map(|fps| fps.hz()), frames, image };
        let mut looks = Looks::begin(self.extractions(), &self.params.seen, self.nets, beginning);
        let mut previous: Option<Vec<u8>> = None;
        let (mut size, mut count) = ((0, 0), 0);
        while let Some(frame) = sample.next_frame()? {
            let beside = reference.as_mut().and_then(|reference| reference.beside(frame.width, frame.height));
            let start = Instant::now();
            self.facts.push(&frame);
            (size, count) = ((frame.width, frame.height), count + 1);
            looks.push(&frame, beside.as_ref());
            if let Some(clip) = &mut self.clip {
                clip.push(&frame);
            }
            let view = FrameView::new(frame, previous.as_deref());
            let pair = beside.map(|reference| PairView::new(reference, frame));
            for metric in &mut self.metrics {
                match (metric, &pair) {
                    (Measuring::Clip(_, meter), _) => meter.push(&view),
                    (Measuring::Pair(_, meter), Some(pair)) => meter.push(pair),
                    (Measuring::Pair(..), None) | (Measuring::Net(_), _) => {}
                }
            }
            let kept = previous.get_or_insert_default();
            kept.clear();
            kept.extend_from_slice(frame.rgb);
            scoring += start.elapsed();
        }
        let luma = reference.as_ref().and_then(|reference| reference.luma_differs(&sample.probe().colour));
        let pairing = reference.map(Reference::finish);
        let start = Instant::now();
        let facts = self.facts.finish(sample.probe());
        let (width, height) = size;
        let prompt = self.params.prompt.as_deref();
        let texts = KnownTexts::new(self.nets, prompt, &self.params.seen);
        let seen = Seen { width, height, frames: count, fps: beginning.fps, prompt, nets: &texts };
        let seen = looks.finish(seen);
        let (mut features, without) = features(&self.sets, &seen);
        if self.params.keep_seen {
            keep(&self.metrics, &self.params.seen, &seen, &mut features);
        }
        let scores = self.metrics.into_iter();
        let scores = scores.map(|metric| finish(metric, pairing.as_ref(), luma.as_ref(), &seen));
        let scores = scores.chain(without).collect();
        let mut net_secs: BTreeMap<_, _> = seen.secs().collect();
        drop(seen);
        if self.params.keep_seen {
            for (text, secs) in texts.into_computed() {
                net_secs.insert(text.net.clone(), secs);
                features.push(text);
            }
        }
        net_secs.retain(|net, _| features.iter().any(|features| features.net == *net));
        let clip = self.clip.map(ClipCollector::finish);
        scoring += start.elapsed();
        let score_secs = scoring.as_secs_f64();
        let decode_secs = (begin.elapsed().saturating_sub(scoring)).as_secs_f64();
        Ok(Passed { facts, pairing, scores, features, net_secs, clip, decode_secs, score_secs })
    }
}

/// Adds what nets saw for metrics of the clip, each extraction once, but for what was known `before`.
fn keep(metrics: &[Measuring], before: &[Features], seen: &SeenRows<'_>, features: &mut Vec<Features>) {
    for measuring in metrics {
        let Measuring::Net(metric) = measuring else { continue };
        let extraction = metric.extraction();
        let of_clip = !metric.is_of_pair() && !extraction.looks_at_image();
        let is_new = !features.iter().chain(before).any(|known| known.net == extraction.id());
        if of_clip && is_new {
            features.extend(seen.kept(extraction));
        }
    }
}

/// The image that a clip was made from.
struct Image {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Image {
    fn lent(&self) -> DecodedFrame<'_> {
        let Self { width, height, ref rgb } = *self;
        DecodedFrame { index: 0, timestamp_secs: 0.0, width, height, rgb, planes: None }
    }
}

fn image(path: Option<&str>, options: &ReadOptions) -> Result<Image, MetricError> {
    let path = path_from_text(path.ok_or(MetricError::NoImage)?);
    let failed = |error: VideoError| MetricError::Image { reason: with_causes(&error.kind) };
    let mut reader =
        FrameReader::open_image(path, &ReadOptions { rgb: true, ..options.clone() }).map_err(failed)?;
    let frame = reader.next_frame().map_err(failed)?;
    let frame = frame.ok_or_else(|| MetricError::Image { reason: "it has no pixels".into() })?;
    Ok(Image { width: frame.width, height: frame.height, rgb: frame.rgb.to_vec() })
}

/// The frames of a file, decoded one by one: what containers say of it may be wrong.
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
fn features(sets: &[NetSetMetric], seen: &SeenRows<'_>) -> (Vec<Features>, Vec<MetricScore>) {
    let (mut features, mut without) = (Vec::<Features>::new(), Vec::new());
    for metric in sets {
        let net = metric.extraction().id();
        match seen.rows(metric.extraction()) {
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

fn finish(
    metric: Measuring,
    pairing: Option<&Pairing>,
    luma: Option<&MetricError>,
    seen: &SeenRows<'_>,
) -> MetricScore {
    let no_pair =
        pairing.and_then(Pairing::reason).map(|reason| MetricError::NoPair { reason: reason.to_owned() });
    match (metric, no_pair) {
        (Measuring::Clip(metric, meter), _) => metric.score(meter.finish()),
        (Measuring::Pair(metric, _), Some(error)) => metric.score(Err(error)),
        (Measuring::Pair(metric, meter), None) => {
            metric.score(meter.finish().and_then(|measured| match luma {
                Some(error) if metric.is_of_luma() => Err(error.clone()),
                Some(_) | None => Ok(measured),
            }))
        }
        (Measuring::Net(metric), Some(error)) if metric.is_of_pair() => metric.score(Err(error)),
        (Measuring::Net(metric), _) => metric.score(seen.measure(metric)),
    }
}

/// The reference of a pair, as far as it goes along.
struct Reference {
    reader: Option<FrameReader>,
    frames: usize,
    sample_frames: usize,
    /// Why no more frames are compared.
    over: Option<Pairing>,
}

impl Reference {
    fn open(path: &str, options: &ReadOptions) -> Self {
        let (reader, over) = match FrameReader::open_with(path_from_text(path), options) {
            Ok(reader) => (Some(reader), None),
            Err(error) => (None, Some(failed(&error))),
        };
        Self { reader, frames: 0, sample_frames: 0, over }
    }

    /// The frame that belongs to the sample's next one, which has that size.
    fn beside(&mut self, width: usize, height: usize) -> Option<DecodedFrame<'_>> {
        self.sample_frames += 1;
        if self.over.is_some() {
            return None;
        }
        match self.reader.as_mut()?.next_frame() {
            Ok(Some(frame)) if (frame.width, frame.height) == (width, height) => {
                self.frames += 1;
                Some(frame)
            }
            Ok(Some(frame)) => {
                let reason =
                    format!("the reference is {}x{}, the sample {width}x{height}", frame.width, frame.height);
                self.over = Some(Pairing::Mismatch { reason });
                None
            }
            // It is shorter, which the end will say with both numbers.
            Ok(None) => None,
            Err(error) => {
                self.over = Some(failed(&error));
                None
            }
        }
    }

    /// Why luma of the reference cannot be compared with that of a sample of this colour. A matrix that is not recorded may be
    /// any, and does not differ.
    fn luma_differs(&self, sample: &Colour) -> Option<MetricError> {
        let reference = &self.reader.as_ref()?.probe().colour;
        let matrices = reference.matrix_tag.as_ref().zip(sample.matrix_tag.as_ref());
        let same = reference.range == sample.range && matrices.is_none_or(|(a, b)| a == b);
        let meaning = |colour: &Colour| {
            let range = match colour.range {
                ColourRange::Full => "full range",
                ColourRange::Limited => "limited range",
            };
            colour.matrix_tag.as_ref().map_or(range.to_owned(), |matrix| format!("{range}, {matrix}"))
        };
        let (reference, sample) = (meaning(reference), meaning(sample));
        (!same).then_some(MetricError::LumaMeanings { reference, sample })
    }

    /// Reads what the reference has beyond the sample, and compares the lengths.
    fn finish(mut self) -> Pairing {
        while let (None, Some(reader)) = (&self.over, &mut self.reader) {
            match reader.next_frame() {
                Ok(Some(_)) => self.frames += 1,
                Ok(None) => break,
                Err(error) => self.over = Some(failed(&error)),
            }
        }
        let (reference, sample) = (self.frames, self.sample_frames);
        self.over.unwrap_or_else(|| match reference == sample {
            true => Pairing::Matched,
            false => Pairing::Mismatch {
                reason: format!("the reference has {reference} frames, the sample {sample}"),
            },
        })
    }
}

fn failed(error: &VideoError) -> Pairing {
    Pairing::ReferenceFailed { reason: with_causes(&error.kind) }
}
