//! What people and programs get from a run: tables, the page, exports.

#[path = "../../../vidbench-analysis/tests/it/build.rs"]
mod build;
mod demo;
mod exports;
mod hostile;
mod page;
mod tables;
