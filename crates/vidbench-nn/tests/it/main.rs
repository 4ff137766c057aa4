//! Sessions on graphs that are written here, node by node.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod checkpoints;
mod fetch;
mod graphs;
mod net_store;
mod nets;
mod onnx_runtime;
mod runtimes;
mod server;
mod session;
mod tensor;
