//! Identity and order of planned samples.

use std::collections::HashSet;

use vidbench_core::suite::{Engine, Limits, Scenario};
use vidbench_core::{
    ModelId, Params, PromptSuiteRef, ResolvedModel, ResolvedPrompt, ResolvedSuite, WeightsOrigin,
};

fn params(steps: u32) -> Params {
    Params { steps, guidance: 3.0, frames: 16, width: 64, height: 64, fps: 8.0 }
}

fn prompt(text: &str) -> ResolvedPrompt {
    ResolvedPrompt {
        id: text.replace(' ', "-"),
        text: text.into(),
        negative: None,
        inputs: Default::default(),
        category: "shapes".into(),
        findings: vec![],
        rejected: false,
    }
}

fn suite() -> ResolvedSuite {
    ResolvedSuite {
        name: "test".into(),
        source: String::new(),
        models: vec![ResolvedModel {
            id: ModelId::new("shapes-ldm").unwrap(),
            engine: Engine::Embedded,
            model: None,
            instead_of: None,
            command: None,
            pass_env: vec![],
            place: Default::default(),
            settings: Default::default(),
            program: None,
            videos: None,
            confinement: None,
            revision: None,
            weights: WeightsOrigin::Sha256("ab".repeat(32)),
            domain: None,
            params: vec![params(4), params(16)],
        }],
        prompt_suite: PromptSuiteRef { name: "p".into(), version: "1".into(), sha256: "00".into() },
        prompts: vec![prompt("a cat"), prompt("a dog")],
        seeds: vec![1, 2],
        repeats: 2,
        scenario: Scenario::default(),
        metrics: vec![],
        limits: Limits::default(),
        retry: Default::default(),
        breaker: Default::default(),
        telemetry: Default::default(),
        pool: Default::default(),
        health: Default::default(),
        alerts: Default::default(),
        confinement: Default::default(),
        scorer: Default::default(),
        reuse_samples: false,
    }
}

#[test]
fn a_plan_has_every_combination_once_and_parameters_innermost() {
    let plan = suite().plan().unwrap();
    assert_eq!(plan.samples.len(), 16);
    assert_eq!(plan.samples.iter().map(|s| s.id).collect::<HashSet<_>>().len(), 16);
    let order: Vec<_> = plan.samples.iter().map(|s| (s.repeat, s.seed, s.prompt, s.params)).collect();
    assert!(order.is_sorted());
    assert!(plan.samples.iter().enumerate().all(|(i, s)| s.ordinal == i as u64));
}

#[test]
fn ids_are_stable_across_releases() {
    // A change here means that no stored run can be resumed or merged: bump the tag in `ResolvedModel::hasher` knowingly.
    expect_test::expect!["2fed55a5a778eb8d42dd122faa9824f0"]
        .assert_eq(&suite().plan().unwrap().samples[0].id.to_string());
}

#[test]
fn everything_that_determines_a_sample_changes_its_id() {
    let first = |suite: &ResolvedSuite| suite.plan().unwrap().samples[0].id;
    let base = first(&suite());
    let mut variants = vec![suite(); 9];
    variants[0].models[0].id = ModelId::new("other").unwrap();
    variants[1].models[0].revision = Some("main".into());
    variants[2].models[0].weights = WeightsOrigin::Random;
    variants[3].models[0].params[0].steps = 5;
    variants[4].models[0].params[0].guidance = 3.5;
    variants[5].prompts[0].text = "a cat ".into();
    variants[6].prompts[0].negative = Some("blur".into());
    variants[7].seeds[0] = 9;
    variants[8].models[0].engine = Engine::Worker;
    let ids: HashSet<_> = variants.iter().map(first).chain([base]).collect();
    assert_eq!(ids.len(), 10);
}

#[test]
fn what_does_not_determine_a_sample_leaves_its_id() {
    let mut other = suite();
    other.name = "renamed".into();
    other.limits.sample_timeout_secs = 1;
    other.metrics.clear();
    other.prompts[0].id = "renamed".into();
    assert_eq!(other.plan().unwrap().hash(), suite().plan().unwrap().hash());
}

#[test]
fn a_suite_that_plans_too_much_is_refused_before_memory_is_taken() {
    let mut huge = suite();
    huge.repeats = u32::MAX;
    huge.seeds = (0..1000).collect();
    let error = huge.plan().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the suite plans 17179869180000 samples; limits.max_samples allows 1000000"
    );
}
