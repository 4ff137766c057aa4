//! The catalogue: known models, how each would be run, and how far this has been tested.
//!
//! Files of `catalogue/models` hold facts, each with its source. `catalogue/evidence.toml` holds the results of tests:
//! pipeline classes that were built, saved and loaded and that made a video through the worker protocol (`vidbench
//! models check`). A model never claims more than that.

mod evidence;
mod own;
mod rules;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use vidbench_core::nearest;

pub use evidence::{Evidence, add_evidence, counts_sentence, evidence_page};
pub use own::{CatalogueError, add_model, own_evidence_file};
pub use rules::{Constraints, Defaults};

use evidence::{Cannot, EvidenceFile};
use own::own_folder;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../catalogue/models");

const EVIDENCE: &str = include_str!("../../../catalogue/evidence.toml");

/// The kind of an entry; kinds are counted separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Weights that can be downloaded and can make videos by themselves.
    Checkpoint,
    /// Weights that need a base: LoRA, motion modules, control networks.
    Adapter,
    /// A service run by a provider.
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
    /// Its id on the hub, with `#file` where one repository has several models; for endpoints, prefixed by the
    /// provider.
    pub id: String,
    /// Other ids of the same model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The revision that these facts describe, where one was read: a commit, branch or tag of the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether its files, or those of a part it cannot do without, are available only to those who agreed to terms;
    /// absent where this was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gated: Option<bool>,
    /// What it is.
    pub kind: Kind,
    /// How it is run: `diffusers`, `command`, or the provider.
    pub engine: String,
    /// Pipeline classes of diffusers that load it, or that load the model it is added to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// How it is added to another model, if it is not a whole one: `lora`, `motion_adapter`, `controlnet`, or as a
    /// network in a `file`, in `shards` or as `gguf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The model that it is added to, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Requirements that no check has tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// The number type in which the documentation of its class loads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// Components that it keeps in another number type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dtypes: BTreeMap<String, String>,
    /// Where no class runs it: the program or service that does, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_by: Option<String>,
    /// What it makes from what: `t2v`, `i2v`, `v2v`, ...
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// Billions of parameters of its denoiser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params_b: Option<f64>,
    /// Defaults of its authors or of its class.
    #[serde(default, skip_serializing_if = "Defaults::is_empty")]
    pub defaults: Defaults,
    /// Limits on what can be asked of it.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// Licence of the weights, where one was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Day of release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// Device memory that its authors state, in GB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_vram_gb: Option<f64>,
    /// The price its provider charges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Where these facts were read.
    pub source: String,
    /// The model family, which is also the file that lists it.
    #[serde(default)]
    pub family: String,
}

/// The price of a service's videos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// US dollars.
    pub usd: f64,
    /// Seconds of video that the price is for.
    pub seconds: f64,
    /// Size or kind of video that the price is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Where it was read.
    pub source: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FamilyFile {
    family: String,
    models: Vec<CatalogueModel>,
}

/// How far vidbench has been shown to run a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Only the facts are recorded; nothing was run.
    Declared,
    /// Its own weights were found but could not be loaded.
    Resolved,
    /// A pipeline class that loads it has made videos with random weights; its own weights were not tried.
    Runnable,
    /// Its own weights were loaded.
    Loaded,
    /// Its own weights have made videos.
    Generated,
}

impl Status {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::Declared, Self::Resolved, Self::Runnable, Self::Loaded, Self::Generated];

    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Runnable => "runnable",
            Self::Resolved => "resolved",
            Self::Loaded => "loaded",
            Self::Generated => "generated",
        }
    }

    /// Whether a pipeline class that loads it, or its own weights, have made videos.
    pub fn is_runnable(self) -> bool {
        self >= Self::Runnable
    }
}

impl CatalogueModel {
    /// Settings for loading it with the engine `diffusers`; bfloat16 where nothing is known.
    pub fn precision(&self) -> Map<String, Value> {
        let dtype = self.dtype.as_deref().unwrap_or("bfloat16");
        let dtypes = (!self.dtypes.is_empty()).then(|| ("dtypes".to_owned(), json!(self.dtypes)));
        [("dtype".to_owned(), json!(dtype))].into_iter().chain(dtypes).collect()
    }

    fn is_called(&self, id: &str) -> bool {
        std::iter::once(&self.id).chain(&self.aliases).any(|name| name.eq_ignore_ascii_case(id))
    }

    /// Whether every word occurs somewhere in the facts about it.
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

/// Models with the evidence about them.
#[derive(Debug, Clone)]
pub struct Catalogue {
    models: Vec<CatalogueModel>,
    evidence: Vec<Evidence>,
    cannot: Vec<Cannot>,
}

impl Catalogue {
    /// The catalogue that ships, without any additions from this machine.
    pub fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<Catalogue> = OnceLock::new();
        SHIPPED.get_or_init(|| {
            let mut files: Vec<_> = FILES.files().collect();
            files.sort_by_key(|file| file.path());
            let read =
                |text: &str| read_family(text).expect("invariant: a test reads every file of the catalogue");
            let models =
                files.into_iter().flat_map(|file| read(file.contents_utf8().unwrap_or_default())).collect();
            let EvidenceFile { found, cannot } =
                toml::from_str(EVIDENCE).expect("invariant: a test reads the evidence that ships");
            Self { models, evidence: found, cannot }
        })
    }

    /// The catalogue that ships, with the models and the evidence of this machine's user (see [`own_evidence_file`]).
    ///
    /// # Errors
    /// A file of the user's cannot be read, or it names a model that already exists.
    pub fn read() -> Result<Self, CatalogueError> {
        let mut all = Self::shipped().clone();
        all.add_own(own_folder().as_deref())?;
        Ok(all)
    }

    /// Every model, by family and id.
    pub fn models(&self) -> &[CatalogueModel] {
        &self.models
    }

    /// All evidence.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// The model with that id or alias; case is ignored, as it is on the hub.
    pub fn find(&self, id: &str) -> Option<&CatalogueModel> {
        self.models.iter().find(|model| model.is_called(id))
    }

    /// The evidence about the classes that load a model, in the way the model is added to them.
    pub fn evidence_of_classes(&self, model: &CatalogueModel) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter().filter(|found| {
            found.model.is_none() && found.part == model.part && model.classes.contains(&found.class)
        })
    }

    /// The evidence about a model's own weights.
    pub fn own_evidence(&self, model: &CatalogueModel) -> Option<&Evidence> {
        let of_model = |found: &&Evidence| found.model.as_ref().is_some_and(|id| model.is_called(id));
        // Evidence from random weights does not count for the model's own weights.
        self.evidence.iter().filter(|found| found.weights == "real").find(of_model)
    }

    /// How far a model has been shown to run: by its own weights, else by its classes.
    pub fn status(&self, model: &CatalogueModel) -> Status {
        let by_class = model.needs.is_none()
            && (model.kind != Kind::Adapter || model.part.is_some())
            && self.evidence_of_classes(model).any(Evidence::generated);
        let least = if by_class { Status::Runnable } else { Status::Declared };
        let own = self.own_evidence(model).map_or(Status::Declared, Evidence::status);
        own.max(least)
    }

    /// Rules and defaults that all models of a class share.
    pub fn rules_of(&self, class: &str) -> Constraints {
        let mut rules = self.models.iter().filter(|model| model.classes.iter().any(|known| known == class));
        let first = rules.next().map(|model| model.constraints).unwrap_or_default();
        if rules.all(|model| model.constraints == first) { first } else { Constraints::default() }
    }

    /// The known ids nearest to an unknown one.
    pub fn similar(&self, id: &str) -> Vec<&str> {
        let part = |id: &str| id.rsplit('/').next().unwrap_or(id).to_lowercase();
        let wanted = part(id);
        let ids = || self.models.iter().map(|model| model.id.as_str());
        let mut near: Vec<&str> = nearest(id, ids()).into_iter().collect();
        // Names of which one contains the other also count. Short names such as `t2v` are excluded, because they occur
        // everywhere.
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
}

fn read_family(text: &str) -> Result<Vec<CatalogueModel>, toml::de::Error> {
    let FamilyFile { family, models } = toml::from_str(text)?;
    Ok(models.into_iter().map(|model| CatalogueModel { family: family.clone(), ..model }).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn models() -> &'static [CatalogueModel] {
        Catalogue::shipped().models()
    }

    #[test]
    fn every_file_is_read_and_no_id_stands_twice() {
        let ids: Vec<String> = models().iter().map(|model| model.id.to_lowercase()).collect();
        assert_eq!(BTreeSet::from_iter(&ids).len(), ids.len());
        assert!(ids.len() > 1000);
    }

    #[test]
    fn each_model_keeps_its_own_rules() {
        for model in models() {
            let Defaults { frames, width, height, .. } = model.defaults;
            let problem = model.constraints.problem(frames, width.zip(height));
            assert_eq!(problem, None, "{}", model.id);
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_by_their_old_owner() {
        let catalogue = Catalogue::shipped();
        assert_eq!(
            catalogue.find("wan-ai/wan2.1-t2v-1.3b-diffusers").unwrap().id,
            "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
        );
        assert!(catalogue.find("zai-org/CogVideoX-5b-I2V").unwrap().aliases.len() == 1);
        assert!(catalogue.find("nobody/nothing").is_none());
        assert!(
            catalogue
                .similar("Wan-AI/Wan2.1-T2V-1.3B-Diffuser")
                .contains(&"Wan-AI/Wan2.1-T2V-1.3B-Diffusers")
        );
    }

    #[test]
    fn only_evidence_of_the_same_way_makes_a_model_runnable() {
        let catalogue = Catalogue::shipped();
        for model in models() {
            let shown = catalogue.evidence().iter().any(|found| {
                found.generated() && model.classes.contains(&found.class) && found.part == model.part
            });
            let whole = model.kind == Kind::Checkpoint || model.part.is_some();
            let runnable = catalogue.status(model).is_runnable();
            assert_eq!(runnable, shown && whole && model.needs.is_none(), "{}", model.id);
        }
        let status = |id: &str| catalogue.status(catalogue.find(id).unwrap());
        assert_eq!(status("Wan-AI/Wan2.1-T2V-1.3B-Diffusers"), Status::Runnable);
        assert_eq!(status("city96/Wan2.1-T2V-14B-gguf"), Status::Runnable);
        assert_eq!(status("Disty0/LTX-2-SDNQ-4bit-dynamic"), Status::Declared);
        assert_eq!(status("PAIR/text2video-zero-controlnet-canny-anime"), Status::Declared);
    }

    #[test]
    fn a_models_own_weights_count_for_more_than_its_class() {
        let mut catalogue = Catalogue::shipped().clone();
        let model = catalogue.find("Wan-AI/Wan2.1-T2V-1.3B-Diffusers").unwrap().clone();
        let mut found = catalogue.evidence_of_classes(&model).next().unwrap().clone();
        found.model = Some(model.id.to_lowercase());
        found.weights = "real".into();
        for (reached, reason, status) in [
            ("generated", None, Status::Generated),
            ("loaded", Some("out of memory"), Status::Loaded),
            ("declared", Some("no environment"), Status::Runnable),
        ] {
            found.reached = reached.into();
            found.reason = reason.map(Into::into);
            catalogue.evidence.retain(|other| other.model.is_none());
            catalogue.evidence.push(found.clone());
            assert_eq!(catalogue.status(&model), status);
        }
    }

    #[test]
    fn rules_that_a_class_shares_are_known() {
        let rules = Catalogue::shipped().rules_of("WanPipeline");
        assert_eq!((rules.size_multiple, rules.frames_step), (Some(16), Some(4)));
        assert_eq!(Catalogue::shipped().rules_of("NoPipeline"), Constraints::default());
    }

    #[test]
    fn words_are_looked_for_in_everything() {
        let found = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.into()).collect();
            models().iter().filter(|model| model.matches(&words)).count()
        };
        assert!(found(&["wan2.1", "i2v"]) > 1);
        assert_eq!(found(&["wan2.1", "no such word"]), 0);
    }
}
