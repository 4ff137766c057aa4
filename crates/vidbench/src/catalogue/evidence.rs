//! What was shown of pipeline classes, and by which versions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::{Kind, Status, catalogue};
use crate::tiny::tiny_pipelines;

const FILE: &str = include_str!("../../../../catalogue/evidence.toml");

/// What became of one class in `vidbench models check`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassEvidence {
    /// The pipeline class.
    pub class: String,
    /// The last step that went well: `declared`, `resolved`, `loaded`, `generated`.
    pub reached: String,
    /// Why it went no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `tiny`, `random` or `real`.
    pub weights: String,
    /// Day of the check.
    pub date: String,
    /// Versions of everything that took part.
    pub versions: String,
    /// Frames, width and height of its video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<[u32; 3]>,
    /// Steps it told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Stages it told of, in order, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
}

/// A class of diffusers that cannot be run by requests, with the reason: written by hand, because no check can show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cannot {
    class: String,
    reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EvidenceFile {
    #[serde(default)]
    classes: Vec<ClassEvidence>,
    #[serde(default)]
    cannot: Vec<Cannot>,
}

fn shipped() -> &'static EvidenceFile {
    static EVIDENCE: OnceLock<EvidenceFile> = OnceLock::new();
    EVIDENCE.get_or_init(|| toml::from_str(FILE).expect("invariant: a test reads the evidence that ships"))
}

impl ClassEvidence {
    /// It has made videos: the same bytes for the same seed, others for another.
    pub fn generated(&self) -> bool {
        self.reached == "generated" && self.reason.is_none()
    }
}

/// The evidence that ships, by class.
pub fn class_evidence() -> &'static [ClassEvidence] {
    &shipped().classes
}

/// Text of an evidence file with new evidence in place of older ones of the same classes.
///
/// # Errors
/// The text is no evidence file.
pub fn add_evidence(text: &str, new: Vec<ClassEvidence>) -> Result<String, toml::de::Error> {
    let old: EvidenceFile = toml::from_str(text)?;
    let all = old.classes.into_iter().chain(new).map(|found| (found.class.clone(), found));
    let classes = BTreeMap::from_iter(all).into_values().collect();
    // The types have a TOML form: strings, numbers and lists.
    Ok(toml::to_string(&EvidenceFile { classes, cannot: old.cannot }).unwrap_or_default())
}

/// How many models there are of each kind, and how many of them are runnable; for the README, which a test compares.
pub fn counts_sentence() -> String {
    let count = |kind: Kind, status: Option<Status>| {
        let of_kind = catalogue().iter().filter(|model| model.kind == kind);
        of_kind.filter(|model| status.is_none_or(|status| model.status() == status)).count()
    };
    format!(
        "{} open checkpoints, {} adapters and {} hosted endpoints; {} checkpoints are runnable",
        count(Kind::Checkpoint, None),
        count(Kind::Adapter, None),
        count(Kind::Endpoint, None),
        count(Kind::Checkpoint, Some(Status::Runnable)),
    )
}

/// The page of docs/reference: counts, and each class with its tasks and what was shown.
pub fn evidence_page() -> String {
    let mut text = String::from(
        "# Models\n\nMade from `catalogue/` by `vidbench schema models`. *Runnable* says: a pipeline class that loads the model was built with tiny random \
         networks, saved, loaded by `from_pretrained`, and made the same video twice and another one for another seed, through the worker protocol, on a \
         CPU. It does not say that the model's own weights were loaded: none were. *Declared* says: its facts are written down.\n\n\
         | kind | in the catalogue | runnable | declared only |\n|---|---|---|---|\n",
    );
    for kind in [Kind::Checkpoint, Kind::Adapter, Kind::Endpoint] {
        let of_kind = || catalogue().iter().filter(|model| model.kind == kind);
        let runnable = of_kind().filter(|model| model.status() == Status::Runnable).count();
        let all = of_kind().count();
        text += &format!("| {} | {all} | {runnable} | {} |\n", kind.name(), all - runnable);
    }
    text += "\n## Pipeline classes\n\n| class | tasks | reached | video | steps | stages | models |\n|---|---|---|---|---|---|---|\n";
    class_evidence().iter().for_each(|found| text += &row(found));
    let versions: BTreeSet<&str> = class_evidence().iter().map(|found| found.versions.as_str()).collect();
    let dates: BTreeSet<&str> = class_evidence().iter().map(|found| found.date.as_str()).collect();
    let list = |all: BTreeSet<&str>| Vec::from_iter(all).join("; ");
    text += &format!("\nChecked on {} with {}.\n", list(dates), list(versions));
    text += "\n## Classes that cannot be run\n\n| class | why |\n|---|---|\n";
    shipped()
        .cannot
        .iter()
        .fold(text, |text, Cannot { class, reason }| text + &format!("| `{class}` | {reason} |\n"))
}

fn row(found: &ClassEvidence) -> String {
    let tasks = tiny_pipelines().get(&found.class).map_or(String::new(), |tiny| tiny.tasks.join(", "));
    let reached =
        found.reason.as_ref().map_or(found.reached.clone(), |why| format!("{}: {why}", found.reached));
    let video =
        found.shape.map_or(String::new(), |[frames, width, height]| format!("{frames}x{width}x{height}"));
    let steps = found.steps.map_or(String::new(), |steps| steps.to_string());
    let models = catalogue().iter().filter(|model| model.classes.contains(&found.class)).count();
    let stages = found.stages.join(", ");
    format!(
        "| `{}` | {tasks} | {} | {video} | {steps} | {stages} | {models} |\n",
        found.class,
        reached.replace('|', "\\|")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(class: &str, reached: &str) -> ClassEvidence {
        ClassEvidence {
            class: class.into(),
            reached: reached.into(),
            reason: None,
            weights: "tiny".into(),
            date: "2026-11-27".into(),
            versions: "diffusers 0.42.1".into(),
            shape: Some([9, 32, 32]),
            steps: Some(2),
            stages: vec!["denoise".into()],
        }
    }

    #[test]
    fn new_evidence_takes_the_place_of_older_one() {
        let first = add_evidence("", vec![evidence("B", "loaded"), evidence("A", "generated")]).unwrap();
        let second = add_evidence(&first, vec![evidence("B", "generated")]).unwrap();
        let read: EvidenceFile = toml::from_str(&second).unwrap();
        assert_eq!(read.classes, [evidence("A", "generated"), evidence("B", "generated")]);
        assert!(add_evidence("classes = 3", vec![]).is_err());
    }

    #[test]
    fn each_class_that_can_be_built_tiny_has_evidence() {
        let shown: BTreeSet<&String> = class_evidence().iter().map(|found| &found.class).collect();
        let missing: Vec<&String> = tiny_pipelines().keys().filter(|class| !shown.contains(class)).collect();
        assert!(missing.is_empty(), "vidbench models check --all: {missing:?}");
    }
}
