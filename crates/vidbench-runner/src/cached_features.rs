//! Features of clips and texts that nets computed earlier, kept in the cache.
//!
//! Only for metrics of single clips: what metrics of sets are computed from is part of their result and lies in the
//! store.

use std::collections::BTreeMap;

use vidbench_core::protocol::{DecodeOptions, Features, MAX_LINE_BYTES, ScoreResult};
use vidbench_core::{Generation, RequestedClip, ScoringRecord, path_from_text};
use vidbench_store::{Cache, CacheKey, CacheKind, ClipKey, FeatureSource, Wanted};

use crate::Inputs;
use crate::content::FileMark;

/// How many numbers fit on a line of the protocol: each takes up to 13 bytes as text.
const NUMBERS: usize = MAX_LINE_BYTES / 16;

/// As many features as fit on a line of the protocol; nets compute the others again.
pub(crate) fn fitting(mut known: Vec<Features>) -> Vec<Features> {
    let mut numbers = 0;
    known.retain(|features| {
        let fits = numbers + features.values.len() <= NUMBERS;
        numbers += if fits { features.values.len() } else { 0 };
        fits
    });
    known
}

/// What was computed now and may be kept, with the seconds each net took.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) features: Vec<Features>,
    pub(crate) net_secs: BTreeMap<String, f64>,
}

/// Announces what the cache will be asked for, in that order. The content of a file that was never read is unknown, so
/// only its prompt is announced.
pub(crate) fn announce(
    cache: &Cache,
    record: &ScoringRecord,
    wanted: impl Fn(&RequestedClip) -> Vec<Wanted>,
) {
    let mut plan = Vec::new();
    for clip in &record.request.clips {
        let known = || cache.noted_content(&FileMark::text(&path_from_text(&clip.path))?);
        let wanted = wanted(clip);
        let wanted: Vec<&Wanted> = wanted.iter().collect();
        if let Some(content) = clip.expected_sha256.clone().or_else(known) {
            let key = ClipKey { clip: content, reference: None, reading: record.request.reading(clip) };
            plan.extend(clip_keys(&key, &wanted).into_values());
        }
        plan.extend(text_keys(clip.prompt.as_deref(), &wanted).into_values());
    }
    cache.begin_plan(plan);
}

/// What the cache holds of the features that `asked` needs, without those that are `known` already.
pub(crate) fn find(
    cache: &Cache,
    key: &ClipKey,
    prompt: Option<&str>,
    asked: &[&Wanted],
    known: &[Features],
) -> Vec<Features> {
    let unknown = |net: &str| !known.iter().any(|features| features.net == net);
    let keys = clip_keys(key, asked).into_iter().chain(text_keys(prompt, asked));
    keys.filter(|(net, _)| unknown(net))
        .filter_map(|(net, key)| features(net, &cache.get(&key)?.content))
        .collect()
}

/// Keeps what was computed.
pub(crate) fn keep(cache: &Cache, key: &ClipKey, prompt: Option<&str>, wanted: &[Wanted], made: &Made) {
    let wanted: Vec<&Wanted> = wanted.iter().collect();
    let keys: BTreeMap<_, _> =
        clip_keys(key, &wanted).into_iter().chain(text_keys(prompt, &wanted)).collect();
    for features in &made.features {
        // Features of unknown cost are not worth keeping.
        if let (Some(key), Some(secs)) = (keys.get(&features.net), made.net_secs.get(&features.net)) {
            cache.put(key, &bytes(features), *secs, "");
        }
    }
}

/// Splits features into those that are part of a result and those for the cache, which metrics of single clips use and
/// no metric of sets.
pub(crate) fn split(features: Vec<Features>, wanted: &[Wanted]) -> (Vec<Features>, Vec<Features>) {
    let is_for_the_cache = |features: &Features| {
        let is_it = |source: &FeatureSource| source.extraction == features.net;
        let mut of_sets = wanted.iter().filter(|wanted| wanted.of_sets);
        let mut of_clips = wanted.iter().filter(|wanted| !wanted.of_sets);
        !of_sets.any(|wanted| wanted.features.as_ref().is_some_and(is_it))
            && of_clips.any(|wanted| wanted.features.iter().chain(&wanted.text_features).any(is_it))
    };
    features.into_iter().partition(|features| !is_for_the_cache(features))
}

/// The keys of a clip's features, by net.
fn clip_keys(key: &ClipKey, wanted: &[&Wanted]) -> BTreeMap<String, CacheKey> {
    let sources =
        wanted.iter().filter(|wanted| !wanted.of_sets).filter_map(|wanted| wanted.features.as_ref());
    let key = |FeatureSource { extraction, nets }: &FeatureSource| {
        let parts = [&key.clip, &key.reading, extraction, nets].map(String::as_str);
        (extraction.clone(), CacheKey::new(CacheKind::Features, &parts))
    };
    sources.map(key).collect()
}

/// The keys of its prompt's features, by net.
fn text_keys(prompt: Option<&str>, wanted: &[&Wanted]) -> BTreeMap<String, CacheKey> {
    let sources = wanted.iter().filter_map(|wanted| wanted.text_features.as_ref());
    let key = |FeatureSource { extraction, nets }: &FeatureSource| {
        Some((extraction.clone(), CacheKey::new(CacheKind::Texts, &[extraction, nets, prompt?])))
    };
    sources.filter_map(key).collect()
}

/// The number of rows, then the numbers, all in little-endian byte order.
fn bytes(features: &Features) -> Vec<u8> {
    let values = features.values.iter().flat_map(|value| value.to_le_bytes());
    features.rows.to_le_bytes().into_iter().chain(values).collect()
}

/// `None` for bytes that this version did not write.
fn features(net: String, bytes: &[u8]) -> Option<Features> {
    let (rows, values) = bytes.split_first_chunk()?;
    let (values, []) = values.as_chunks() else { return None };
    let values = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
    Some(Features { net, rows: u32::from_le_bytes(*rows), values })
}

/// Says which samples of a run will be scored first: those that have a file already.
pub(crate) fn announce_samples(inputs: &Inputs<'_>, backlog: &[(u64, Generation)]) {
    let Some(cache) = inputs.store.cache() else { return };
    let wanted: Vec<&Wanted> = inputs.wanted.iter().collect();
    let mut plan = Vec::new();
    for (ordinal, generation) in backlog {
        let sample = usize::try_from(*ordinal).ok().and_then(|at| inputs.plan.samples.get(at));
        let prompt = sample.map(|sample| inputs.run.suite.prompt_of(sample).text.as_str());
        plan.extend(clip_keys(&clip_of(generation), &wanted).into_values());
        plan.extend(text_keys(prompt, &wanted).into_values());
    }
    cache.begin_plan(plan);
}

/// What the cache has of a sample's file and prompt.
pub(crate) fn of_sample(
    cache: &Cache,
    generation: &Generation,
    prompt: Option<&str>,
    wanted: &[Wanted],
) -> Vec<Features> {
    fitting(find(cache, &clip_of(generation), prompt, &wanted.iter().collect::<Vec<_>>(), &[]))
}

/// Keeps the features computed now of a sample's file and prompt. Leaves in `result` what its record holds: the features that
/// metrics of sets are computed from.
pub(crate) fn keep_of_sample(
    cache: &Cache,
    generation: &Generation,
    prompt: Option<&str>,
    wanted: &[Wanted],
    result: &mut ScoreResult,
) {
    let (of_record, features) = split(std::mem::take(&mut result.features), wanted);
    let made = Made { features, net_secs: std::mem::take(&mut result.net_secs) };
    keep(cache, &clip_of(generation), prompt, wanted, &made);
    result.features = of_record;
}

fn clip_of(generation: &Generation) -> ClipKey {
    let reading = DecodeOptions::default().reading();
    ClipKey { clip: generation.artifact_sha256.clone(), reference: None, reading }
}

#[cfg(test)]
mod tests {
    use vidbench_core::MetricId;

    use super::*;

    fn wanted(extraction: &str, of_sets: bool, text: Option<&str>) -> Wanted {
        let source = |extraction: &str| FeatureSource {
            extraction: extraction.into(),
            nets: "net@1 runtime 1".into(),
        };
        Wanted {
            metric: MetricId::new("m@1").unwrap(),
            of_pair: false,
            depends_on: None,
            features: Some(source(extraction)),
            text_features: text.map(source),
            of_sets,
        }
    }

    fn of(net: &str, rows: u32, values: &[f32]) -> Features {
        Features { net: net.into(), rows, values: values.to_vec() }
    }

    #[test]
    fn what_is_kept_is_found_by_everything_that_it_depends_on() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), "1MB".parse().unwrap()).unwrap();
        let key = |clip: &str| ClipKey { clip: clip.into(), reference: None, reading: "pixels@1".into() };
        let wanted = [wanted("dino", false, Some("clip-text"))];
        let asked: Vec<&Wanted> = wanted.iter().collect();
        let (source, text) =
            (of("dino", 2, &[1.0, -0.0, f32::MIN_POSITIVE, 4.0]), of("clip-text", 1, &[7.0]));
        let net_secs = [("dino".to_owned(), 2.0), ("clip-text".to_owned(), 0.5)].into();
        let made =
            Made { features: vec![source.clone(), text.clone(), of("of nobody", 1, &[1.0])], net_secs };
        keep(&cache, &key("a"), Some("a fox"), &wanted, &made);
        let found = |clip, prompt, known: &[Features]| find(&cache, &key(clip), prompt, &asked, known);
        assert_eq!(found("a", Some("a fox"), &[]), [source.clone(), text.clone()]);
        let known = std::slice::from_ref(&text);
        assert_eq!(found("a", Some("a fox"), known), std::slice::from_ref(&source));
        assert_eq!(found("a", None, &[]), [source]);
        assert_eq!(found("b", Some("a fox"), &[]), [text], "the text is the same, the clip is not");
        let other = Wanted {
            features: Some(FeatureSource { extraction: "dino".into(), nets: "net@2".into() }),
            ..wanted[0].clone()
        };
        assert_eq!(find(&cache, &key("a"), None, &[&other], &[]), []);
        assert_eq!(cache.trouble(), None);
    }

    #[test]
    fn what_sets_are_computed_from_is_for_the_store() {
        let wanted = [
            wanted("i3d", true, None),
            wanted("dino", false, None),
            wanted("both", false, None),
            wanted("both", true, None),
        ];
        let names =
            |features: Vec<Features>| features.into_iter().map(|features| features.net).collect::<Vec<_>>();
        let all = ["i3d", "dino", "both", "unknown"].map(|net| of(net, 1, &[])).to_vec();
        let (result, cached) = split(all, &wanted);
        assert_eq!(names(result), ["i3d", "both", "unknown"]);
        assert_eq!(names(cached), ["dino"]);
    }

    #[test]
    fn bytes_of_another_form_are_nothing() {
        assert_eq!(features("a".into(), &[1, 0, 0]), None);
        assert_eq!(features("a".into(), &[1, 0, 0, 0, 1]), None);
    }
}
