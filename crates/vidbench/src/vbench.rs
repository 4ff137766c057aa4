//! Works with VBench: reads and joins its files, checks a folder against its suite, and writes a scoring as its
//! results.

mod check;
mod export;
mod files;
mod join;

pub use check::{check_request, empty_clips, list_entries};
pub use export::{Exported, VbenchExportError, export_scoring};
pub use files::{VbenchFileError, read_eval_results, read_full_info};
pub use join::{JoinError, Joined, join_results};
