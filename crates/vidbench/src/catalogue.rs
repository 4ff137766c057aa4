//! The catalogue: models that are known, how each would be run, and how far that has been shown.
//!
//! Files of `catalogue/models` hold facts, each with its source. What was shown is in `catalogue/evidence.toml`: pipeline classes that were
//! built, saved, loaded and made a video through the worker protocol (`vidbench models check`). A model never claims more than that.

mod evidence;
mod rules;

use std::sync::OnceLock;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use vidbench_core::nearest;

pub use evidence::{ClassEvidence, add_evidence, class_evidence, counts_sentence, evidence_page};
pub use rules::{Constraints, Defaults};

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../catalogue/models");

/// What an entry is; the kinds are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Weights that can be downloaded and make video by themselves.
    Checkpoint,
    /// Weights that need a base: LoRA, motion modules, control networks.
    Adapter,
    /// A service of somebody's.
    Endpoint,
}

impl Kind {
    /// The word used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Adapter => "adapter",
            Self::Endpoint => "endpoint",
        }
    }
}

/// One model of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueModel {
    /// Id of the hub, with `#file` where one repository has several; of endpoints, the provider in front.
    pub id: String,
    /// Other ids of the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// How it is run: `diffusers`, `command`, or the provider.
    pub engine: String,
    /// Pipeline classes of diffusers that load it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Where no class does: the program or the service that runs it, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_by: Option<String>,
    /// What it makes of what: `t2v`, `i2v`, `v2v`, ...
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// Billions of parameters of its denoiser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params_b: Option<f64>,
    /// What its authors, or its class, do when nothing is said.
    #[serde(default, skip_serializing_if = "Defaults::is_empty")]
    pub defaults: Defaults,
    /// What it can be asked for.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// Licence of the weights, where one was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Day of release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// Device memory that its authors name, in GB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_vram_gb: Option<f64>,
    /// Where these facts were read.
    pub source: String,
    /// The family whose file it is in.
    #[serde(skip_deserializing)]
    pub family: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FamilyFile {
    family: String,
    models: Vec<CatalogueModel>,
}

/// How far it was shown that vidbench can run a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The facts are written down; nothing of it was run.
    Declared,
    /// A pipeline class that loads it has made a video with random weights; its own weights were never loaded here.
    Runnable,
}

impl Status {
    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Runnable => "runnable",
        }
    }
}

impl CatalogueModel {
    /// How far it was shown: by the evidence of its classes.
    pub fn status(&self) -> Status {
        let shown =
            |class: &String| class_evidence().iter().any(|found| found.class == *class && found.generated());
        // That a class runs says nothing of LoRA weights or motion modules put into it.
        let whole = self.kind == Kind::Checkpoint;
        if whole && self.classes.iter().any(shown) { Status::Runnable } else { Status::Declared }
    }

    fn is_called(&self, id: &str) -> bool {
        std::iter::once(&self.id).chain(&self.aliases).any(|name| name.eq_ignore_ascii_case(id))
    }

    /// Whether every word stands somewhere in what is known of it.
    pub fn matches(&self, words: &[String]) -> bool {
        let text =
            [&self.id, &self.family, &self.engine, self.kind.name(), self.licence.as_deref().unwrap_or("")]
                .join(" ")
                + " "
                + &[self.aliases.join(" "), self.classes.join(" "), self.tasks.join(" ")].join(" ");
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(&word.to_lowercase()))
    }
}

/// Every model, by family and id.
pub fn catalogue() -> &'static [CatalogueModel] {
    static MODELS: OnceLock<Vec<CatalogueModel>> = OnceLock::new();
    MODELS.get_or_init(|| {
        let mut files: Vec<_> = FILES.files().collect();
        files.sort_by_key(|file| file.path());
        files.into_iter().flat_map(|file| read(file.contents_utf8().unwrap_or_default())).collect()
    })
}

fn read(text: &str) -> Vec<CatalogueModel> {
    let FamilyFile { family, models } =
        toml::from_str(text).expect("invariant: a test reads every file of the catalogue");
    models.into_iter().map(|model| CatalogueModel { family: family.clone(), ..model }).collect()
}

/// The model of that id or alias; letters of either case are the same, as they are on the hub.
pub fn find_model(id: &str) -> Option<&'static CatalogueModel> {
    catalogue().iter().find(|model| model.is_called(id))
}

/// Ids that are nearest to one that is not there.
pub fn similar_models(id: &str) -> Vec<&'static str> {
    let part = |id: &str| id.rsplit('/').next().unwrap_or(id).to_lowercase();
    let wanted = part(id);
    let ids = || catalogue().iter().map(|model| model.id.as_str());
    let mut near: Vec<&str> = nearest(id, ids()).into_iter().collect();
    // A name that holds the whole of the other; short names such as `t2v` are in everything.
    let long = |text: &str| text.len() > 5;
    let holds = |known: &str| {
        let known = part(known);
        long(&known) && long(&wanted) && (known.contains(&wanted) || wanted.contains(&known))
    };
    let mut holders: Vec<&str> = ids().filter(|known| holds(known)).collect();
    let owner = id.split('/').next().unwrap_or_default();
    holders.sort_by_key(|known| (!known.starts_with(owner), part(known).len().abs_diff(wanted.len())));
    near.extend(holders);
    near.dedup();
    near.truncate(4);
    near
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_is_read_and_no_id_stands_twice() {
        let ids: Vec<String> = catalogue().iter().map(|model| model.id.to_lowercase()).collect();
        assert_eq!(BTreeSet::from_iter(&ids).len(), ids.len());
        assert!(ids.len() > 1000);
    }

    #[test]
    fn each_model_keeps_its_own_rules() {
        for model in catalogue() {
            let Defaults { frames, width, height, .. } = model.defaults;
            let problem = model.constraints.problem(frames, width.zip(height));
            assert_eq!(problem, None, "{}", model.id);
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_by_their_old_owner() {
        assert_eq!(
            find_model("wan-ai/wan2.1-t2v-1.3b-diffusers").unwrap().id,
            "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
        );
        assert!(find_model("zai-org/CogVideoX-5b-I2V").unwrap().aliases.len() == 1);
        assert!(find_model("nobody/nothing").is_none());
        assert!(
            similar_models("Wan-AI/Wan2.1-T2V-1.3B-Diffuser").contains(&"Wan-AI/Wan2.1-T2V-1.3B-Diffusers")
        );
    }

    #[test]
    fn only_evidence_makes_a_model_runnable() {
        let generated: BTreeSet<&str> = class_evidence()
            .iter()
            .filter(|found| found.generated())
            .map(|found| found.class.as_str())
            .collect();
        for model in catalogue() {
            let shown = model.kind == Kind::Checkpoint
                && model.classes.iter().any(|class| generated.contains(class.as_str()));
            assert_eq!(model.status() == Status::Runnable, shown, "{}", model.id);
        }
    }

    #[test]
    fn words_are_looked_for_in_everything() {
        let found = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.into()).collect();
            catalogue().iter().filter(|model| model.matches(&words)).count()
        };
        assert!(found(&["wan2.1", "i2v"]) > 1);
        assert_eq!(found(&["wan2.1", "no such word"]), 0);
    }
}
