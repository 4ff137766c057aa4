//! Why a net has no weights, and what to do about it.

use std::io;
use std::path::PathBuf;

use vidbench_core::nearest;

use crate::checkpoint::CheckpointError;
use crate::manifest::Manifest;
use crate::nets::{NetError, TensorSpec};

/// Weights that are not there, or cannot be used or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetStoreError {
    /// Nothing says where the store is.
    #[error("no folder for weights: none of VIDBENCH_NETS, XDG_CACHE_HOME and HOME is set")]
    NoHome,
    /// No graph of that name ships.
    #[error("unknown net {name:?}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The net has no weights here.
    #[error("{} has no weights of {net}", root.display())]
    Absent {
        /// The net.
        net: String,
        /// The store.
        root: PathBuf,
    },
    /// What is here cannot be used.
    #[error("{} of {net} is damaged: {reason}", path.display())]
    Damaged {
        /// The net.
        net: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The seed, where the weights are random.
        seed: Option<u64>,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A checkpoint that cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No file has a tensor of the net.
    #[error("{net} cannot be read from {files}: no tensor {:?} {:?}", wanted.name, wanted.shape)]
    Missing {
        /// The net.
        net: String,
        /// The files that were looked through.
        files: String,
        /// The tensor.
        wanted: TensorSpec,
    },
    /// A tensor of the net has another shape.
    #[error("{net} cannot be read from {file}: {:?} is {found:?}, expected {:?}", wanted.name, wanted.shape)]
    Shape {
        /// The net.
        net: String,
        /// The file.
        file: String,
        /// The tensor.
        wanted: TensorSpec,
        /// Its shape in the file.
        found: Vec<usize>,
    },
    /// A file is not the expected one.
    #[error("{} is not {name}: {reason}", path.display())]
    WrongFile {
        /// The file.
        path: PathBuf,
        /// Name in the manifest.
        name: String,
        /// What differs.
        reason: String,
    },
    /// A file whose hash was never published has changed since its first use.
    #[error("{name} has changed: its SHA-256 is {found}, but it was {recorded} when first used")]
    Changed {
        /// Name in the manifest.
        name: String,
        /// Hash now.
        found: String,
        /// Hash then.
        recorded: String,
    },
    /// The graph or the file of weights.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A file prepared from weights is no longer what was written.
    #[error("{} was changed after it was written", path.display())]
    DamagedPrepared {
        /// The file.
        path: PathBuf,
    },
}

impl NetStoreError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("set VIDBENCH_NETS to a folder".into()),
            Self::Unknown { name } => Some(match nearest(name, known_names()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "`vidbench nets list` shows the nets".into(),
            }),
            Self::Absent { net, .. } => Some(format!(
                "`vidbench nets fetch {net}` fetches them; `vidbench nets import FOLDER` uses files on this machine"
            )),
            Self::Damaged { net, seed: Some(seed), .. } => {
                Some(format!("`vidbench nets random {net} --seed {seed}` generates them again"))
            }
            Self::Damaged { net, seed: None, .. } => Some(format!("`vidbench nets fetch {net}` writes them again")),
            Self::Missing { net, .. } | Self::Shape { net, .. } => Some(meant(net)),
            Self::Changed { .. } => {
                Some("check with the source of the file; --accept-changed uses it, but scores will not be comparable".into())
            }
            Self::WrongFile { .. } => Some("remove it and fetch it again; nothing from it was used".into()),
            Self::Checkpoint(error) => error.hint(),
            Self::DamagedPrepared { path } => {
                let folder = path.parent().unwrap_or(path);
                Some(format!("remove {}; it is written again from the weights, which are intact", folder.display()))
            }
            Self::Io { .. } | Self::Net(_) => None,
        }
    }
}

fn known_names() -> impl Iterator<Item = &'static str> {
    Manifest::shipped().nets().map(|net| net.name.as_str())
}

/// Says which checkpoints hold the weights of a net.
fn meant(net: &str) -> String {
    let files = Manifest::shipped().net(net).map_or(String::new(), |entry| entry.files.join(" and "));
    format!("the weights of {net} are in {files}")
}
