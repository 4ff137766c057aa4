//! What can go wrong between a graph, its inputs and a runtime.

use std::error::Error;

use vidbench_core::NetDevice;

use crate::session::MAX_THREADS;

/// A graph could not be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// The data does not fill the shape.
    #[error("{len} elements do not fill a tensor of shape {shape:?}")]
    Elements {
        /// Elements given.
        len: usize,
        /// Shape claimed.
        shape: Vec<usize>,
    },
    /// A tensor was read as a type that it does not hold.
    #[error("tensor holds {found}, not {wanted}")]
    DType {
        /// Element type asked for.
        wanted: &'static str,
        /// Element type of the tensor.
        found: &'static str,
    },
    /// The graph has no input of that name.
    #[error("graph has no input {name:?}; it has {known}")]
    UnknownInput {
        /// Name asked for.
        name: String,
        /// Names of the graph, joined by commas.
        known: String,
    },
    /// Too few or too many inputs.
    #[error("graph takes {wanted} inputs ({known}), got {found}")]
    InputCount {
        /// Number of inputs of the graph.
        wanted: usize,
        /// Their names, joined by commas.
        known: String,
        /// Number given.
        found: usize,
    },
    /// An input of another type or shape than the session was loaded for.
    #[error("input {name:?} is {found}, but the session was loaded for {wanted}")]
    InputMismatch {
        /// Which input.
        name: String,
        /// Type and shape of the session.
        wanted: String,
        /// Type and shape given.
        found: String,
    },
    /// An output is neither f32 nor i64.
    #[error("output {index} of the graph has element type {found}; only f32 and i64 are supported")]
    OutputType {
        /// Position of the output.
        index: usize,
        /// Its element type, in the runtime's words.
        found: String,
    },
    /// The number of threads is out of range.
    #[error("threads must be in 1..={MAX_THREADS}, got {found}")]
    Threads {
        /// Threads asked for.
        found: usize,
    },
    /// ONNX Runtime was asked for and is not available.
    #[error("ONNX Runtime is not available: {reason}")]
    OnnxRuntimeMissing {
        /// What the search ended with.
        reason: String,
    },
    /// A device was asked for and is not available.
    #[error("{device} is not available: {reason}")]
    Device {
        /// The device.
        device: NetDevice,
        /// What stands in the way, in the runtime's words.
        reason: String,
    },
    /// The runtime refuses the graph.
    #[error("{runtime} cannot load the graph")]
    Load {
        /// Which runtime.
        runtime: &'static str,
        /// Its own words.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The runtime failed while computing.
    #[error("{runtime} cannot run the graph")]
    Run {
        /// Which runtime.
        runtime: &'static str,
        /// Its own words.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl NnError {
    /// Whether the runtime ran out of memory, judged by its message: ONNX Runtime reports this under the same code as
    /// other failures. tract ends the process instead.
    pub fn is_out_of_memory(&self) -> bool {
        /// Words in messages of ONNX Runtime's arena, C++'s allocator, CUDA, cuBLAS and cuDNN.
        const WORDS: [&str; 5] = [
            "failed to allocate memory",
            "bad_alloc",
            "out of memory",
            "cublas_status_alloc",
            "cudnn_status_alloc",
        ];
        let Self::Run { source, .. } = self else { return false };
        let said = source.to_string().to_ascii_lowercase();
        WORDS.iter().any(|words| said.contains(words))
    }

    /// What the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OnnxRuntimeMissing { .. } => {
                Some("set ORT_DYLIB_PATH to libonnxruntime.so, or use the built-in runtime")
            }
            Self::Device { .. } => Some(
                "set ORT_DYLIB_PATH to an ONNX Runtime built for the device (pip install onnxruntime-gpu), or omit --net-device",
            ),
            Self::Elements { .. }
            | Self::DType { .. }
            | Self::UnknownInput { .. }
            | Self::InputCount { .. }
            | Self::InputMismatch { .. }
            | Self::OutputType { .. }
            | Self::Threads { .. }
            | Self::Load { .. }
            | Self::Run { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_ran_out_is_known_by_the_words_of_the_runtime() {
        let run = |words: &str| NnError::Run { runtime: "onnxruntime", source: words.into() };
        for words in [
            "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 4096",
            "std::bad_alloc",
            "CUDA failure 2: out of memory ; GPU=0",
            "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED",
        ] {
            assert!(run(words).is_out_of_memory(), "{words}");
        }
        assert!(!run("Non-zero status code returned while running Conv node").is_out_of_memory());
        assert!(!NnError::Load { runtime: "tract", source: "out of memory".into() }.is_out_of_memory());
    }
}
