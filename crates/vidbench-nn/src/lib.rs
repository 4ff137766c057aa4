//! Inference runtimes: a [`Session`] runs an ONNX graph, whichever runtime does the work.
//!
//! The only crate of the workspace that knows an inference runtime. tract is built in and always there. ONNX Runtime is
//! a shared library that is searched for at run time ([`Runtime::Auto`]); [`Session::runtime_name`] says which runtime
//! runs. Both agree within 1e-4 of the output's largest magnitude, but not bit for bit: "same seed, same bytes" holds
//! for one runtime of one version on one kind of processor.
//!
//! Weights of nets come from their authors' files ([`checkpoint`], [`Fetcher`]) and are kept in a [`NetStore`]. This
//! crate trains nothing. Graphs are trusted once their hash is known ([`Session::graph_sha256`]); inputs are checked
//! before the runtime sees them.
//!
//! ```no_run
//! use vidbench_nn::{DType, InputSpec, Session, SessionOptions, Tensor};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let graph = std::fs::read("net.onnx")?;
//! let inputs = [InputSpec::new("x", DType::F32, [1, 3])];
//! let session = Session::load(&graph, &inputs, &SessionOptions::default())?;
//! let outputs = session.run(&[Tensor::f32([1, 3], vec![0.0; 3])?])?;
//! assert!(outputs[0].as_f32().is_ok());
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

pub mod checkpoint;
mod error;
mod fetch;
mod file_hashes;
mod manifest;
pub mod nets;
pub mod npy;
mod ort_memory;
mod ort_runtime;
mod session;
mod store;
mod tensor;
pub mod tokens;
mod tract_runtime;

pub use error::NnError;
pub use fetch::{Answer, FetchError, FetchErrorKind, FetchEvent, Fetcher, Hub, Patience, PostError, Poster};
pub use file_hashes::FileHashes;
pub use manifest::{Address, Bundle, Commercial, HubFile, Manifest, ManifestError, NetEntry, SourceFile};
pub use ort_runtime::onnx_runtime_version;
pub use session::{InputSpec, MAX_THREADS, Runtime, Session, SessionOptions};
pub use store::{
    NetState, NetStore, NetStoreError, ReadyNet, RecordedFile, SourceOnDisk, SourceRecord, Stamp,
    WeightsIdentity,
};
pub use tensor::{DType, Tensor};
pub use tract_runtime::tract_version;
