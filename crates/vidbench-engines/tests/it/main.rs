//! The client and the conformance suite against workers that are right, and wrong in every named way.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod conformance;
mod python;
mod support;
