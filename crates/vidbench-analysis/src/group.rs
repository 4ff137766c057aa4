//! What one model with one set of parameters did: counts, times, scores.

use std::collections::BTreeMap;

use serde::Serialize;
use vidbench_core::protocol::Stage;
use vidbench_core::{Domain, MetricDescriptor, ModelId, Outcome, Params, SetScore, WeightsOrigin};

use crate::metric_summary::{MetricSummary, summarise_metrics};
use crate::model_facts::ModelFacts;
use crate::stage_times::{StageMean, stage_means};
use crate::stats::mean;
use crate::summary::Summary;
use crate::throughput::{Throughput, throughput};
use crate::{Joined, SampleView};

/// All samples of one model with one set of parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The model.
    pub model: ModelId,
    /// Index into the model's parameter sets.
    pub params_index: u32,
    /// The parameters.
    pub params: Params,
    /// Short name, unique in the run: the model where there are several, and the parameters that vary.
    pub label: String,
    /// Which models its numbers may be compared with; unknown when the model was never loaded.
    pub domain: Option<Domain>,
    /// Where the weights come from.
    pub weights: WeightsOrigin,
    /// Samples planned, not counting those that were not needed.
    pub planned: u64,
    /// Samples that were not needed, because the model that this one stands in for did not run out of memory over them.
    pub not_needed: u64,
    /// Samples with a verdict.
    pub judged: u64,
    /// Samples whose outcome is ok; only they enter the numbers below.
    pub ok: u64,
    /// Samples of every other outcome, in the order of [`Outcome::ALL`]; outcomes that did not occur are left out.
    pub failures: Vec<FailureCount>,
    /// Seconds from the intended start to the last decoded frame.
    pub latency: Option<Summary>,
    /// Seconds of the generation itself.
    pub service: Option<Summary>,
    /// Mean seconds from the intended start until the worker began.
    pub wait_mean_secs: Option<f64>,
    /// Where the time went.
    pub stages: Vec<StageMean>,
    /// Samples and frames a second.
    pub throughput: Option<Throughput>,
    /// Largest resident set of the worker up to the end of this group, in bytes. A worker's peak never falls, so groups
    /// that share a worker report the highest peak of the groups run so far.
    pub peak_rss_bytes: Option<u64>,
    /// Most memory that tensors held on the device.
    pub peak_device_bytes: Option<u64>,
    /// Joules that the accelerators used for each sample, over the samples where this is known.
    pub device_joules: Option<Summary>,
    /// One per clip metric of the suite, in its order.
    pub metrics: Vec<MetricSummary>,
    /// Set metrics, as the run computed them.
    pub set_scores: Vec<SetScore>,
}

/// How often a failure occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FailureCount {
    /// Which.
    pub outcome: Outcome,
    /// How often.
    pub count: u64,
}

impl Group {
    /// Samples with a verdict other than ok.
    pub fn failed(&self) -> u64 {
        self.judged.saturating_sub(self.ok)
    }
}

/// Every group of a run in which some sample was needed, in the order of the suite.
pub(crate) fn groups(
    data: &vidbench_core::RunData,
    joined: &Joined<'_>,
    facts: &[ModelFacts],
    descriptors: &[MetricDescriptor],
) -> Vec<Group> {
    let suite = &data.run.suite;
    let planned = suite.prompts.len() as u64 * suite.seeds.len() as u64 * u64::from(suite.repeats);
    let labels = crate::labels::labels(suite);
    let mut members: Vec<Vec<Vec<SampleView<'_>>>> =
        suite.models.iter().map(|model| vec![Vec::new(); model.params.len()]).collect();
    let needed = |sample: &&SampleView<'_>| sample.record.verdict.outcome != Outcome::NotNeeded;
    let mut not_needed: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for sample in joined.samples.iter().filter(|sample| !needed(sample)) {
        *not_needed.entry((sample.planned.model, sample.planned.params)).or_default() += 1;
    }
    for sample in joined.samples.iter().filter(needed) {
        members[sample.planned.model as usize][sample.planned.params as usize].push(*sample);
    }
    let mut groups = Vec::new();
    let models = (0..).zip(suite.models.iter().zip(facts));
    for ((at, (model, facts)), (members, labels)) in models.zip(members.iter().zip(labels)) {
        for (index, ((params, samples), label)) in model.params.iter().zip(members).zip(labels).enumerate() {
            let index = index as u32;
            let not_needed = not_needed.get(&(at, index)).copied().unwrap_or(0);
            if not_needed == planned {
                continue;
            }
            let identity = GroupIdentity { model: &model.id, index, params, label, planned, not_needed };
            groups.push(group(data, identity, facts, samples, descriptors));
        }
    }
    groups
}

struct GroupIdentity<'d> {
    model: &'d ModelId,
    index: u32,
    params: &'d Params,
    label: String,
    planned: u64,
    not_needed: u64,
}

fn group(
    data: &vidbench_core::RunData,
    identity: GroupIdentity<'_>,
    facts: &ModelFacts,
    samples: &[SampleView<'_>],
    descriptors: &[MetricDescriptor],
) -> Group {
    let ok: Vec<SampleView<'_>> =
        samples.iter().filter(|sample| sample.record.verdict.outcome == Outcome::Ok).copied().collect();
    let timings: Vec<_> = ok.iter().filter_map(SampleView::timing).collect();
    let latencies: Vec<f64> = timings.iter().map(|timing| timing.latency_secs()).collect();
    let services: Vec<f64> = timings.iter().map(|timing| timing.service_secs()).collect();
    let waits: Vec<f64> =
        latencies.iter().zip(&services).map(|(latency, service)| (latency - service).max(0.0)).collect();
    Group {
        set_scores: set_scores(data, identity.model, identity.index),
        model: identity.model.clone(),
        params_index: identity.index,
        params: identity.params.clone(),
        label: identity.label,
        domain: facts.domain,
        weights: facts.weights.clone(),
        planned: identity.planned.saturating_sub(identity.not_needed),
        not_needed: identity.not_needed,
        judged: samples.len() as u64,
        ok: ok.len() as u64,
        failures: failures(samples),
        latency: Summary::of(&latencies),
        service: Summary::of(&services),
        wait_mean_secs: mean(&waits),
        stages: stage_means(&timings),
        throughput: throughput(&data.run.suite, samples),
        peak_rss_bytes: samples
            .iter()
            .filter_map(|sample| sample.record.generation.as_ref()?.peak_rss_bytes)
            .max(),
        peak_device_bytes: samples
            .iter()
            .filter_map(|sample| sample.record.generation.as_ref()?.peak_device_bytes)
            .map(|bytes| bytes.allocated)
            .max(),
        device_joules: Summary::of(&device_joules(&ok)),
        metrics: summarise_metrics(data, &ok, descriptors),
    }
}

fn device_joules(ok: &[SampleView<'_>]) -> Vec<f64> {
    let joules = |sample: &SampleView<'_>| sample.record.telemetry.as_ref()?.device_joules.value();
    ok.iter().filter_map(joules).collect()
}

fn set_scores(data: &vidbench_core::RunData, model: &ModelId, params_index: u32) -> Vec<SetScore> {
    let mut scores: Vec<SetScore> = data
        .set_scores
        .iter()
        .filter(|score| score.model == *model && score.params_index == params_index)
        .cloned()
        .collect();
    scores.sort_by(|a, b| a.metric.cmp(&b.metric));
    scores
}

fn failures(samples: &[SampleView<'_>]) -> Vec<FailureCount> {
    Outcome::ALL
        .into_iter()
        .filter(|outcome| outcome.is_failure())
        .map(|outcome| FailureCount {
            outcome,
            count: samples.iter().filter(|sample| sample.record.verdict.outcome == outcome).count() as u64,
        })
        .filter(|failure| failure.count > 0)
        .collect()
}

impl StageMean {
    /// Whether any of it lies inside the timed window.
    pub fn is_inside(&self) -> bool {
        self.inside_secs > 0.0 || self.stage == Stage::Unattributed
    }
}
