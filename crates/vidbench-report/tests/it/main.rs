//! What people and programs get from a run: tables, the page, exports.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails by its panic")]

#[path = "../../../vidbench-analysis/tests/it/build.rs"]
mod build;
mod demo;
mod exports;
mod hostile;
mod page;
mod tables;
