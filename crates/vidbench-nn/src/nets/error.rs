//! What can go wrong between the name of a net and its first output.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use crate::NnError;

/// A net that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// No graph of that name ships.
    #[error("unknown net {name:?}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A graph that ships cannot be read.
    #[error("cannot read the built-in graph of {name}")]
    Shipped {
        /// The net.
        name: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file of weights that does not fit its net.
    #[error("weights {}: {reason}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The runtime refuses.
    #[error(transparent)]
    Runtime(#[from] NnError),
}

impl NetError {
    /// What the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Runtime(error) => error.hint(),
            Self::Unknown { .. } | Self::Shipped { .. } | Self::Weights { .. } | Self::Io { .. } => None,
        }
    }

    /// Whether the runtime ran out of memory on the processor or the device.
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Runtime(error) if error.is_out_of_memory())
    }

    pub(crate) fn shipped(name: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Shipped { name, source: source.into() }
    }
}
