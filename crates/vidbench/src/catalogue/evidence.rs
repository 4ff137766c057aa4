//! Evidence about pipeline classes and models, with the versions that it was found with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Catalogue, Kind, Status};
use crate::tiny::tiny_pipelines;

/// The result of one check of `vidbench models check`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The pipeline class.
    pub class: String,
    /// The part added to its own weights: `lora`, `gguf`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The model, if its own weights were checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The last step that succeeded: `declared`, `resolved`, `loaded`, `generated`.
    pub reached: String,
    /// Why it got no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `tiny`, `random` or `real`.
    pub weights: String,
    /// Day of the check.
    pub date: String,
    /// Versions of all software involved.
    pub versions: String,
    /// Frames, width and height of its video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<[u32; 3]>,
    /// Number of steps it reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Hash of the video of seed 7. Whoever repeats the check with the same versions on a processor of the same kind
    /// should get the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_sha256: Option<String>,
    /// Stages it reported, in order, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
}

/// A class of diffusers that cannot be run by requests, with the reason. It is written by hand, because no check can
/// find it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cannot {
    class: String,
    reason: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EvidenceFile {
    #[serde(default)]
    pub(super) found: Vec<Evidence>,
    #[serde(default)]
    pub(super) cannot: Vec<Cannot>,
}

impl Evidence {
    /// Whether it made videos: the same bytes for the same seed, and different bytes for another seed.
    pub fn generated(&self) -> bool {
        self.reached == "generated" && self.reason.is_none()
    }

    /// The status that the checked weights reached.
    pub(super) fn status(&self) -> Status {
        match self.reached.as_str() {
            "generated" if self.reason.is_none() => Status::Generated,
            "generated" | "loaded" => Status::Loaded,
            "resolved" => Status::Resolved,
            _ => Status::Declared,
        }
    }

    /// The name of the check as given to `vidbench models check`: `WanPipeline`, `WanPipeline/lora`, or a model.
    pub fn name(&self) -> String {
        let part = self.part.as_ref().map_or(String::new(), |part| format!("/{part}"));
        match &self.model {
            None => format!("{}{part}", self.class),
            Some(model) if self.weights == "random" => format!("{model} with random weights"),
            Some(model) => model.clone(),
        }
    }
}

/// The text of an evidence file in which new evidence replaces older evidence about the same thing.
///
/// # Errors
/// The text is not an evidence file.
pub fn add_evidence(text: &str, new: Vec<Evidence>) -> Result<String, toml::de::Error> {
    let old: EvidenceFile = toml::from_str(text)?;
    let all = old.found.into_iter().chain(new).map(|found| (found.name(), found));
    let found = BTreeMap::from_iter(all).into_values().collect();
    let text = toml::to_string(&EvidenceFile { found, cannot: old.cannot })
        .expect("invariant: strings, numbers and lists have a TOML form");
    Ok(text)
}

fn count(kind: Kind, which: impl Fn(Status) -> bool) -> usize {
    let all = Catalogue::shipped();
    all.models().iter().filter(|model| model.kind == kind && which(all.status(model))).count()
}

/// How many models of each kind there are, and how many of them are runnable. The README contains this sentence, and a
/// test compares them.
pub fn counts_sentence() -> String {
    let all = |kind| count(kind, |_| true);
    let runnable = |kind| count(kind, Status::is_runnable);
    format!(
        "{} open checkpoints, {} adapters and {} hosted endpoints; {} checkpoints and {} adapters are runnable",
        all(Kind::Checkpoint),
        all(Kind::Adapter),
        all(Kind::Endpoint),
        runnable(Kind::Checkpoint),
        runnable(Kind::Adapter),
    )
}

/// The page for docs/reference: counts, and each class with its tasks and its evidence.
pub fn evidence_page() -> String {
    let catalogue = Catalogue::shipped();
    let mut text = String::from(
        "# Models\n\nGenerated from `catalogue/` by `vidbench schema models`. *Runnable* means that a pipeline class that loads the model was built with tiny random \
         networks, saved, loaded by `from_pretrained`, and generated the same video twice and a different one for another seed, through the worker protocol, on a \
         CPU. For an adapter, or a checkpoint in another format (GGUF, its authors' own files), the same was done with such a part loaded into the class. It does not \
         mean that the model's own weights were loaded: none were. *Declared* means that its facts are recorded. GGUF and original files of one model are \
         separate checkpoints here.\n\n\
         | kind | in the catalogue | runnable | declared only |\n|---|---|---|---|\n",
    );
    for kind in [Kind::Checkpoint, Kind::Adapter, Kind::Endpoint] {
        let (all, runnable) = (count(kind, |_| true), count(kind, Status::is_runnable));
        text += &format!("| {} | {all} | {runnable} | {} |\n", kind.name(), all - runnable);
    }
    text += "\n## Pipeline classes\n\n| class | with | tasks | reached | video | steps | stages | models |\n|---|---|---|---|---|---|---|---|\n";
    catalogue.evidence().iter().for_each(|found| text += &row(found));
    let versions: BTreeSet<&str> = catalogue.evidence().iter().map(|found| found.versions.as_str()).collect();
    let dates: BTreeSet<&str> = catalogue.evidence().iter().map(|found| found.date.as_str()).collect();
    let list = |all: BTreeSet<&str>| Vec::from_iter(all).join("; ");
    text += &format!("\nChecked on {} with {}.\n", list(dates), list(versions));
    text += "\n## Classes that cannot be run\n\n| class | why |\n|---|---|\n";
    let cannot = catalogue.cannot.iter();
    cannot.fold(text, |text, Cannot { class, reason }| text + &format!("| `{class}` | {reason} |\n"))
}

fn row(found: &Evidence) -> String {
    let tasks = tiny_pipelines().get(&found.class).map_or(String::new(), |tiny| tiny.tasks.join(", "));
    let reached =
        found.reason.as_ref().map_or(found.reached.clone(), |why| format!("{}: {why}", found.reached));
    let video =
        found.shape.map_or(String::new(), |[frames, width, height]| format!("{frames}x{width}x{height}"));
    let steps = found.steps.map_or(String::new(), |steps| steps.to_string());
    let has =
        |model: &&super::CatalogueModel| model.classes.contains(&found.class) && model.part == found.part;
    let models = Catalogue::shipped().models().iter().filter(has).count();
    format!(
        "| `{}` | {} | {tasks} | {} | {video} | {steps} | {} | {models} |\n",
        found.class,
        found.part.as_deref().unwrap_or(""),
        reached.replace('|', "\\|"),
        found.stages.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(class: &str, reached: &str) -> Evidence {
        Evidence {
            class: class.into(),
            part: None,
            model: None,
            reached: reached.into(),
            reason: None,
            weights: "tiny".into(),
            date: "2026-11-27".into(),
            versions: "diffusers 0.42.1".into(),
            shape: Some([9, 32, 32]),
            steps: Some(2),
            video_sha256: None,
            stages: vec!["denoise".into()],
        }
    }

    #[test]
    fn new_evidence_takes_the_place_of_older_one() {
        let first = add_evidence("", vec![evidence("B", "loaded"), evidence("A", "generated")]).unwrap();
        let second = add_evidence(&first, vec![evidence("B", "generated")]).unwrap();
        let read: EvidenceFile = toml::from_str(&second).unwrap();
        assert_eq!(read.found, [evidence("A", "generated"), evidence("B", "generated")]);
        assert!(add_evidence("found = 3", vec![]).is_err());
    }

    #[test]
    fn a_class_with_a_part_and_a_model_are_others_than_the_class() {
        let lora = Evidence { part: Some("lora".into()), ..evidence("A", "generated") };
        let model = Evidence { model: Some("me/a".into()), ..evidence("A", "loaded") };
        let text = add_evidence("", vec![evidence("A", "generated"), model.clone(), lora.clone()]).unwrap();
        let read: EvidenceFile = toml::from_str(&text).unwrap();
        assert_eq!(read.found, [evidence("A", "generated"), lora, model]);
    }

    #[test]
    fn each_class_that_can_be_built_tiny_has_evidence() {
        let generated = Catalogue::shipped().evidence().iter().filter(|found| found.generated());
        let shown: BTreeSet<String> = generated.map(Evidence::name).collect();
        let classes = tiny_pipelines().iter().flat_map(|(class, tiny)| {
            let parts = tiny.parts.iter().map(move |part| format!("{class}/{part}"));
            std::iter::once(class.clone()).chain(parts)
        });
        let missing: Vec<String> = classes.filter(|class| !shown.contains(class)).collect();
        assert!(missing.is_empty(), "vidbench models check --all: {missing:?}");
    }

    #[test]
    fn what_generated_has_the_hash_of_its_video() {
        let mut generated = Catalogue::shipped().evidence().iter().filter(|found| found.generated());
        assert!(generated.all(|found| found.video_sha256.as_ref().is_some_and(|hash| hash.len() == 64)));
    }
}
