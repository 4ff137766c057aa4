//! Requests that commands of vidbench make to its cache. They are either recorded (`VIDBENCH_CACHE_REQUESTS`) or made
//! from the suites that ship: the same keys in the same order, with measured sizes and seconds.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use vidbench_store::{CacheKey, CacheKind};

/// One request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Access {
    pub(crate) key: CacheKey,
    pub(crate) bytes: u64,
    /// Seconds it takes to make the entry.
    pub(crate) secs: f64,
    /// Whether the command knew beforehand that and when it would make this request.
    pub(crate) planned: bool,
}

/// The requests of some commands, one after the other.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) commands: Vec<Vec<Access>>,
}

impl Trace {
    pub(crate) fn accesses(&self) -> impl Iterator<Item = &Access> {
        self.commands.iter().flatten()
    }

    /// Bytes of all entries requested, each counted once.
    pub(crate) fn distinct_bytes(&self) -> u64 {
        self.accesses()
            .map(|access| (access.key, access.bytes))
            .collect::<HashMap<_, _>>()
            .into_values()
            .sum()
    }

    /// Whether all requests belong to one command whose whole plan is known.
    pub(crate) fn is_one_plan(&self) -> bool {
        self.commands.len() == 1 && self.accesses().all(|access| access.planned)
    }
}

/// Features that nets compute from a clip of 49 frames of 256x256 and from its prompt: kind of features, bytes in the
/// cache, seconds to make them, each the median of three. Measured with `vidbench score --random-nets 1 --workers 1` on
/// one core, in a development build beside other work: only the ratios between the costs matter here.
type NetFeatures = (&'static str, u64, f64);
const DINO: NetFeatures = ("dino-vitb16.vbench@1", 150_532, 95.3);
const CLIP: NetFeatures = ("clip-vit-b32.clip@1", 100_356, 24.6);
const CLIP_TEXT: NetFeatures = ("clip-vit-b32-text.prompt@1", 2_052, 3.08);

/// Every trace that ships.
pub(crate) fn all() -> Vec<Trace> {
    let recorded = |(name, text): (&str, &str)| recorded(name, text).expect("invariant: what ships is sound");
    RECORDED.map(recorded).into_iter().chain(made()).collect()
}

/// The traces made from the suites that ship.
pub(crate) fn made() -> Vec<Trace> {
    vec![texts(), metrics_in_turn(), sweep(), nightly(), two_sets()]
}

/// Records of real commands on two cores, with random nets on ONNX Runtime. `scoring`: 24, 40 and 48 clips of 64x64,
/// each time with other metrics. `runs`: the demo's suite with other steps and prompts, each run removed before the
/// next.
const RECORDED: [(&str, &str); 2] = [
    ("recorded scoring", include_str!("recorded/scoring.txt")),
    ("recorded runs", include_str!("recorded/runs.txt")),
];

/// The requests of a record. Entries that were requested but never made are left out, because their cost is unknown.
pub(crate) fn recorded(name: &str, text: &str) -> Result<Trace, String> {
    let mut made: HashMap<CacheKey, (u64, f64)> = HashMap::new();
    let mut commands: Vec<(HashSet<CacheKey>, Vec<CacheKey>)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        let wrong = || format!("{name}, line {}: {line:?} is no request", at + 1);
        if words == ["command"] || commands.is_empty() {
            commands.push(Default::default());
        }
        let (plan, asked) = commands.last_mut().ok_or_else(wrong)?;
        match words.as_slice() {
            ["command"] => {}
            ["plan", key] => drop(plan.insert(key_of(key).ok_or_else(wrong)?)),
            ["ask", key] => asked.push(key_of(key).ok_or_else(wrong)?),
            ["make", key, bytes, secs] => {
                let cost = (bytes.parse().map_err(|_| wrong())?, secs.parse().map_err(|_| wrong())?);
                made.entry(key_of(key).ok_or_else(wrong)?).or_insert(cost);
            }
            _ => return Err(wrong()),
        }
    }
    let accesses = |(plan, asked): (HashSet<CacheKey>, Vec<CacheKey>)| {
        let access = |key: CacheKey| {
            let (bytes, secs) = *made.get(&key)?;
            Some(Access { key, bytes, secs, planned: plan.contains(&key) })
        };
        asked.into_iter().filter_map(access).collect::<Vec<_>>()
    };
    let commands = commands.into_iter().map(accesses).filter(|accesses| !accesses.is_empty()).collect();
    Ok(Trace { name: name.into(), commands })
}

/// A key made from a record's text, in place of the original key.
fn key_of(text: &str) -> Option<CacheKey> {
    let (kind, name) = text.split_once('-')?;
    let kind = CacheKind::ALL.into_iter().find(|known| known.name() == kind)?;
    Some(CacheKey::new(kind, &[name]))
}

/// One scoring of 225 prompts with three seeds each, seed after seed: its prompts recur, its clips do not.
fn texts() -> Trace {
    let clips = clips("core-t2v", "texts", 3);
    Trace { name: "texts".into(), commands: vec![score(&clips, &[CLIP], &[CLIP_TEXT], true)] }
}

/// The same clips scored five times, with metrics that share nets.
fn metrics_in_turn() -> Trace {
    Trace { name: "metrics in turn".into(), commands: in_turn(&clips("core-t2v", "metrics", 1)) }
}

/// The clips and metrics of `metrics_in_turn` with twice as many clips, as one plan that is known from its beginning.
fn sweep() -> Trace {
    let all = in_turn(&clips("core-t2v", "sweep", 2)).into_iter().flatten();
    Trace {
        name: "sweep".into(),
        commands: vec![all.map(|access| Access { planned: true, ..access }).collect()],
    }
}

fn in_turn(clips: &[String]) -> Vec<Vec<Access>> {
    vec![
        score(clips, &[DINO], &[], false),
        score(clips, &[DINO, CLIP], &[CLIP_TEXT], true),
        score(clips, &[CLIP], &[CLIP_TEXT], true),
        score(clips, &[DINO], &[], true),
        score(clips, &[DINO, CLIP], &[CLIP_TEXT], true),
    ]
}

/// Runs of the demo's suite with `reuse_samples`, night after night with other step counts; earlier runs were removed.
fn nightly() -> Trace {
    let nights: [(&[u32], u32); 8] = [
        (&[4, 16], 24),
        (&[1, 2, 4, 8, 16], 48),
        (&[4, 16], 48),
        (&[8, 16], 32),
        (&[1, 2, 4, 8, 16], 48),
        (&[16], 48),
        (&[4, 16], 24),
        (&[1, 2, 4, 8, 16], 48),
    ];
    let commands = nights.map(|(steps, prompts)| demo_samples(steps, prompts));
    Trace { name: "nightly".into(), commands: commands.to_vec() }
}

/// Two sets of clips that people work on alternately; the second set replaces the first.
fn two_sets() -> Trace {
    let (old, new) = (clips("core-t2v-mini", "old", 4), clips("core-t2v-mini", "new", 4));
    let turn = |clips: &[String]| score(clips, &[DINO, CLIP], &[CLIP_TEXT], true);
    let commands = [&old, &old, &new, &old, &new, &new, &new].map(|clips| turn(clips));
    Trace { name: "two sets".into(), commands: commands.to_vec() }
}

/// Clips of a prompt suite in the order of a plan, each with its prompt: `"prompt\nclip"`.
fn clips(suite: &str, set: &str, seeds: u64) -> Vec<String> {
    let suite = vidbench::shipped_prompt_suite(suite).expect("invariant: the suite ships");
    let of_seed = |seed| suite.prompts().iter().map(move |prompt| format!("{}\n{set} {seed}", prompt.text));
    (0..seeds).flat_map(of_seed).collect()
}

/// The requests of a scoring: for each clip the features of the clip, then those of its prompt. `read` means that the
/// clips' files were read before, so that the command knows their contents.
fn score(clips: &[String], features: &[NetFeatures], texts: &[NetFeatures], read: bool) -> Vec<Access> {
    let mut accesses = Vec::new();
    for clip in clips {
        let prompt = clip.split('\n').next().unwrap_or_default();
        let access = |kind, of: &str, (net, bytes, secs): NetFeatures, planned| Access {
            key: CacheKey::new(kind, &[of, net]),
            // No two clips take the same time. The difference is derived from the key, so it is always the same.
            secs: secs * (1.0 + 0.05 * spread(of, net)),
            bytes,
            planned,
        };
        accesses.extend(features.iter().map(|features| access(CacheKind::Features, clip, *features, read)));
        accesses.extend(texts.iter().map(|text| access(CacheKind::Texts, prompt, *text, true)));
    }
    accesses
}

/// A number from -1 to 1 derived from two texts.
fn spread(of: &str, net: &str) -> f64 {
    let digest = vidbench_core::sha256_hex(format!("{of} {net}").as_bytes());
    let number = u32::from_str_radix(&digest[..8], 16).expect("invariant: a digest is hexadecimal");
    f64::from(number) / f64::from(u32::MAX) * 2.0 - 1.0
}

/// Bytes of a video of the demo's model, the median of three: `vidbench run` with three of its prompts at four steps.
const DEMO_BYTES: u64 = 5_514;

/// The samples of the demo's suite with other steps and another number of prompts, in the order of its plan. Seconds
/// are the medians of the table in README.md.
fn demo_samples(steps: &[u32], prompts: u32) -> Vec<Access> {
    let text = vidbench::DEMO_SUITE
        .replace("steps = [1, 2, 4, 8, 16]", &format!("steps = {steps:?}"))
        .replace("limit = 48", &format!("limit = {prompts}"));
    let prepared =
        vidbench::prepare(&text, Path::new("demo.toml")).expect("invariant: the demo's suite is sound");
    let access = |sample: &vidbench_core::PlannedSample| {
        let steps = prepared.suite.params_of(sample).steps;
        let secs = [(1, 0.0382), (2, 0.0552), (4, 0.0877), (8, 0.1684), (16, 0.295)];
        let secs = secs.iter().find(|(known, _)| *known == steps).map_or(0.0, |(_, secs)| *secs);
        let id = sample.id.to_string();
        Access { key: CacheKey::new(CacheKind::Samples, &[&id]), bytes: DEMO_BYTES, secs, planned: true }
    };
    prepared.plan.samples.iter().map(access).collect()
}
