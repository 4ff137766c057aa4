//! Why a file of weights cannot be read.

use std::io;
use std::path::PathBuf;

use super::Form;

/// A file of weights that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct CheckpointError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub kind: CheckpointErrorKind,
}

/// What is wrong with a file of weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointErrorKind {
    /// The system cannot read it.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is no file of weights.
    #[error("it is not a file written by safetensors, torch.save, torch.jit.save or numpy.savez")]
    UnknownForm,
    /// It begins as a known form does, but is damaged.
    #[error("it is {} and damaged: {reason}", form.text())]
    Damaged {
        /// What it looks like.
        form: Form,
        /// What is wrong.
        reason: String,
    },
    /// It asks for a call that is not known to build a tensor.
    #[error("it asks to call {name}, which does not build a tensor; nothing was executed")]
    Refused {
        /// Module and name, as Python has them.
        name: String,
    },
    /// It is sound, but holds no tensor with a name.
    #[error("it is {} without named tensors", form.text())]
    Empty {
        /// How it is written.
        form: Form,
    },
    /// It has no tensor of that name.
    #[error("it has no tensor {name:?}")]
    NoTensor {
        /// The name.
        name: String,
    },
    /// The tensor does not hold floats, as weights do.
    #[error("{name:?} holds {element}; weights are floats")]
    NotFloats {
        /// The tensor.
        name: String,
        /// What it holds.
        element: String,
    },
}

impl Form {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Safetensors => "a safetensors file",
            Self::PyTorch => "a torch.save file",
            Self::TorchScript => "a TorchScript archive",
            Self::Npz => "a .npz archive",
        }
    }
}

impl CheckpointError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.kind {
            CheckpointErrorKind::UnknownForm => {
                "if it starts with <, it is a web page saved in its place: fetch it again"
            }
            CheckpointErrorKind::Damaged { .. } => {
                "fetch it again and compare its length with the original's"
            }
            CheckpointErrorKind::Refused { .. } => {
                "get the file from its authors, and do not load this one in Python"
            }
            CheckpointErrorKind::Empty { form: Form::TorchScript } => {
                "freezing removes the names; use the archive it was frozen from"
            }
            CheckpointErrorKind::Empty { .. }
            | CheckpointErrorKind::Io(_)
            | CheckpointErrorKind::NoTensor { .. }
            | CheckpointErrorKind::NotFloats { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
