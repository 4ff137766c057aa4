//! A run with everything that a report must show: five groups, failures of three kinds, a missing score.

use vidbench_analysis::{RunAnalysis, analyse};
use vidbench_core::suite::ScenarioKind;
use vidbench_core::{Domain, Outcome, RunData, Score, WeightsOrigin};
use vidbench_report::{ClipEmbed, ReportInput, html};

use crate::build::{DESCRIPTORS, Spec, fail, run, spoil};

pub(crate) fn demo() -> RunData {
    let spec = Spec {
        models: vec!["embedded/shapes"],
        steps: vec![1, 2, 4, 8, 16],
        prompts: [
            "a large red circle moving left on a navy background",
            "a small green square moving up on a black background",
            "a large yellow triangle moving right on a gray background",
            "a small white circle moving down on a brown background",
        ]
        .map(str::to_owned)
        .to_vec(),
        seeds: vec![1, 2, 3],
        repeats: 1,
        kind: ScenarioKind::SingleStream,
        domain: Domain::SyntheticDomain,
        weights: WeightsOrigin::Sha256("ab".repeat(32)),
    };
    let mut data = run(&spec);
    fail(&mut data.samples[3], Outcome::Timeout, "no answer within 600 s");
    fail(
        &mut data.samples[17],
        Outcome::WorkerCrashed,
        "exit status 139: segmentation fault\nlast line of stderr: <oops>",
    );
    spoil(&mut data.samples[24], "15 frames instead of 16");
    data.samples[9].verdict.scores[0].score = Score::not_available("no object found");
    data.set_scores[0].underpowered = true;
    data.set_scores[0].n = 24;
    data
}

pub(crate) fn page_of(data: &RunData, analysis: &RunAnalysis, clips: &[ClipEmbed]) -> String {
    html(&ReportInput { data, analysis, descriptors: &DESCRIPTORS, clips, generated_by: "vidbench 0.1.0" })
}

pub(crate) fn demo_page(clips: &[ClipEmbed]) -> String {
    let data = demo();
    page_of(&data, &analyse(&data, &DESCRIPTORS), clips)
}
