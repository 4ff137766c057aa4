//! Where the weights of each net come from, and what may be done with them: `nets/manifest.toml` as types.
//!
//! ```
//! let net = vidbench_nn::Manifest::shipped().net("dino-vitb16").unwrap();
//! assert_eq!(net.licence, "Apache-2.0");
//! ```

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::nets::Skeleton;

const SHIPPED: &str = include_str!("../../../nets/manifest.toml");
const SCHEMA_VERSION: u32 = 1;

/// Everything that is known of the weights of the nets.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    files: Vec<SourceFile>,
    nets: Vec<NetEntry>,
    bundles: Vec<Bundle>,
}

/// A checkpoint as its authors give it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// File name, unique among all.
    pub name: String,
    /// Address, unless it is on a hub.
    url: Option<String>,
    hub: Option<HubFile>,
    /// The wanted file inside, if the address is that of a .zip.
    pub member: Option<String>,
    /// Prefixes that the tensor names of the file may have and those of the graph do not.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Length of the file, or of the member if there is one. The hashes are of the same.
    pub size_bytes: Option<u64>,
    /// Hash, 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// The first digits of the hash, where no more were published.
    pub sha256_prefix: Option<String>,
    /// Hash as git computes it for a blob, 40 hexadecimal digits.
    pub git_sha1: Option<String>,
}

/// A file of a repository on a hub of models.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubFile {
    /// `organisation/name`.
    pub repository: String,
    /// Commit that is known to have the wanted file, if there is one.
    pub revision: Option<String>,
    /// Path in the repository.
    pub path: String,
}

/// Where a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// At an address of the web.
    Url(&'a str),
    /// In a repository on a hub of models.
    Hub(&'a HubFile),
}

/// A net and the terms of its weights.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetEntry {
    /// Name, as that of its graph.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// Names of the files that hold its weights, in the order in which they are searched for a tensor.
    pub files: Vec<String>,
    /// SPDX identifier, or a description where there is none.
    pub licence: String,
    /// Whether the licence allows commercial use.
    pub commercial: Commercial,
    /// What to cite.
    pub citation: String,
    /// Whether a known program loads the files by the tensor names of the graph.
    pub names_verified: bool,
}

/// Whether a licence allows commercial use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Commercial {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The terms do not say.
    Unclear,
}

impl Commercial {
    /// `yes`, `no` or `unclear`.
    pub fn text(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unclear => "unclear",
        }
    }
}

/// Nets that are fetched together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Name.
    pub name: String,
    /// What they are for.
    pub title: String,
    /// Names of the nets.
    pub nets: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    schema_version: u32,
    files: Vec<SourceFile>,
    nets: Vec<NetEntry>,
    bundles: Vec<Bundle>,
}

/// A manifest whose contents are impossible.
#[derive(Debug, thiserror::Error)]
#[error("manifest of nets: {0}")]
pub struct ManifestError(String);

impl Manifest {
    /// The manifest that ships with vidbench.
    pub fn shipped() -> &'static Self {
        static SHIPPED_MANIFEST: OnceLock<Manifest> = OnceLock::new();
        SHIPPED_MANIFEST
            .get_or_init(|| Self::parse(SHIPPED).expect("invariant: a test parses the manifest that ships"))
    }

    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`ManifestError`]: text that is not TOML of this form, a name that is missing or appears twice, a hash of
    /// another length.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let ManifestFile { schema_version, files, nets, bundles } =
            toml::from_str(text).map_err(|error| ManifestError(error.to_string()))?;
        if schema_version != SCHEMA_VERSION {
            return Err(ManifestError(format!("schema_version {schema_version}, not {SCHEMA_VERSION}")));
        }
        let manifest = Self { files, nets, bundles };
        match manifest.problem() {
            Some(problem) => Err(ManifestError(problem)),
            None => Ok(manifest),
        }
    }

    /// The nets that have a graph here, by name.
    pub fn nets(&self) -> impl Iterator<Item = &NetEntry> {
        self.nets.iter().filter(|net| has_graph(&net.name))
    }

    /// A net that has a graph here.
    pub fn net(&self, name: &str) -> Option<&NetEntry> {
        self.nets().find(|net| net.name == name)
    }

    /// Bundles without the nets that have no graph here; a bundle of only such nets is left out.
    pub fn bundles(&self) -> impl Iterator<Item = Bundle> {
        let with_graphs = |bundle: &Bundle| {
            let nets = bundle.nets.iter().filter(|net| has_graph(net)).cloned().collect();
            Bundle { nets, ..bundle.clone() }
        };
        self.bundles.iter().map(with_graphs).filter(|bundle| !bundle.nets.is_empty())
    }

    /// The files of a net, in the order in which they are searched for a tensor.
    pub fn files_of<'a>(&'a self, net: &'a NetEntry) -> impl Iterator<Item = &'a SourceFile> {
        net.files.iter().filter_map(|name| self.file(name))
    }

    /// A file by its name.
    pub fn file(&self, name: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Every file there is.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The first impossible entry.
    fn problem(&self) -> Option<String> {
        let names = |name: &str, known: bool| (!known).then(|| format!("{name:?} does not exist"));
        let twice = repeated(self.files.iter().map(|file| file.name.as_str()))
            .or_else(|| repeated(self.nets.iter().map(|net| net.name.as_str()).chain(self.bundle_names())));
        let file = self.files.iter().find_map(SourceFile::problem);
        let net = self
            .nets
            .iter()
            .flat_map(|net| &net.files)
            .find_map(|name| names(name, self.file(name).is_some()));
        let empty = self
            .nets
            .iter()
            .find(|net| net.files.is_empty())
            .map(|net| format!("{:?} has no file", net.name));
        let known = |name: &String| self.nets.iter().any(|net| net.name == *name);
        let bundle =
            self.bundles.iter().flat_map(|bundle| &bundle.nets).find_map(|name| names(name, known(name)));
        twice.or(file).or(net).or(empty).or(bundle)
    }

    fn bundle_names(&self) -> impl Iterator<Item = &str> {
        self.bundles.iter().map(|bundle| bundle.name.as_str())
    }
}

impl SourceFile {
    /// Where it is.
    pub fn address(&self) -> Address<'_> {
        match (&self.hub, &self.url) {
            (Some(hub), _) => Address::Hub(hub),
            (None, url) => Address::Url(url.as_deref().unwrap_or_default()),
        }
    }

    /// Whether its known hash distinguishes it from every other file.
    pub fn is_pinned(&self) -> bool {
        self.sha256.is_some() || self.git_sha1.is_some()
    }

    fn problem(&self) -> Option<String> {
        let digits = |hash: &Option<String>, wanted: Option<usize>| {
            let hash = hash.as_deref()?;
            let hexadecimal = hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            let sound =
                hexadecimal && wanted.map_or((8..64).contains(&hash.len()), |wanted| hash.len() == wanted);
            (!sound).then(|| format!("{:?} has the hash {hash:?}", self.name))
        };
        let plain =
            |text: &str| !text.is_empty() && !text.contains(['/', '\\', '\0']) && !text.starts_with('.');
        let prefix = self.prefixes.iter().find(|prefix| !prefix.ends_with('.'));
        let url = self.url.iter().find(|url| !url.starts_with("https://"));
        (!plain(&self.name))
            .then(|| format!("{:?} is not a file name", self.name))
            .or_else(|| {
                (self.url.is_some() == self.hub.is_some())
                    .then(|| format!("{:?}: set either url or hub", self.name))
            })
            .or_else(|| url.map(|url| format!("{:?} is at {url:?}, not at https://", self.name)))
            .or_else(|| {
                prefix.map(|prefix| format!("{:?}: prefix {prefix:?} does not end in a dot", self.name))
            })
            .or_else(|| digits(&self.sha256, Some(64)))
            .or_else(|| digits(&self.sha256_prefix, None))
            .or_else(|| digits(&self.git_sha1, Some(40)))
    }
}

fn has_graph(net: &str) -> bool {
    Skeleton::names().any(|name| name == net)
}

fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name)).map(|name| format!("{name:?} occurs twice"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_that_ships_is_well_formed_and_knows_every_net() {
        let manifest = Manifest::parse(SHIPPED).unwrap();
        for name in Skeleton::names() {
            let net = manifest.net(name).unwrap_or_else(|| panic!("{name} has no entry"));
            assert!(!net.title.is_empty() && !net.licence.is_empty() && !net.citation.is_empty(), "{name}");
            assert_eq!(manifest.files_of(net).count(), net.files.len(), "{name}");
        }
        assert!(manifest.nets.iter().map(|net| &net.name).is_sorted());
        for coming in ["videomae-g", "umt-l16", "viclip-l-vision"] {
            assert!(manifest.nets.iter().any(|net| net.name == coming), "{coming}");
        }
        let unused = manifest
            .files
            .iter()
            .find(|file| !manifest.nets.iter().any(|net| net.files.contains(&file.name)));
        assert_eq!(unused, None);
    }

    #[test]
    fn nets_without_a_graph_are_in_no_list() {
        let manifest = Manifest::shipped();
        assert_eq!(manifest.nets().count(), Skeleton::names().count());
        assert!(manifest.bundles().flat_map(|bundle| bundle.nets).all(|net| manifest.net(&net).is_some()));
        assert!(manifest.bundles().any(|bundle| bundle.name == "vbench"));
    }

    #[test]
    fn what_cannot_be_is_refused_and_named() {
        let damage = |from: &str, to: &str| {
            assert!(SHIPPED.contains(from), "{from}");
            Manifest::parse(&SHIPPED.replacen(from, to, 1)).unwrap_err().to_string()
        };
        let cases = [
            ("schema_version = 1", "schema_version = 2", "schema_version 2, not 1"),
            ("size_bytes = 4071", "size = 4071", "unknown field `size`"),
            ("sha256_prefix = \"6726825d\"", "sha256 = \"6726825d\"", "has the hash \"6726825d\""),
            ("sha256_prefix = \"6726825d\"", "sha256_prefix = \"6726825D\"", "has the hash"),
            ("prefixes = [\"state_dict.\"]", "prefixes = [\"state_dict\"]", "does not end in a dot"),
            ("name = \"alex.pth\"", "name = \"../alex.pth\"", "is not a file name"),
            ("name = \"alex.pth\"", "name = \"vgg.pth\"", "\"vgg.pth\" occurs twice"),
            ("files = [\"amt-s.pth\"]", "files = [\"amt.pth\"]", "\"amt.pth\" does not exist"),
            ("files = [\"amt-s.pth\"]", "files = []", "\"amt-s\" has no file"),
            ("nets = [\"i3d-400\"]", "nets = [\"i3d\"]", "\"i3d\" does not exist"),
            ("name = \"lpips\"", "name = \"raft\"", "\"raft\" occurs twice"),
            ("https://dl.fbaipublicfiles.com", "http://dl.fbaipublicfiles.com", "not at https://"),
        ];
        for (from, to, said) in cases {
            let error = damage(from, to);
            assert!(error.contains(said), "{from}: {error}");
        }
    }
}
