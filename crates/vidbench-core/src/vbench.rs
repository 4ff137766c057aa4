//! Files of VBench (Vchitect/VBench at 45e79ec): the prompts of its suite, and its measurements.
//!
//! [`FullInfo`] is `VBench_full_info.json` and the `*_full_info.json` that an evaluation writes; [`EvalResults`] is
//! `*_eval_results.json`. Both are read as hostile input: size and depth are bounded, and every problem is listed with
//! its place. Files written here read back equal, and VBench's own scripts read them. [`check_folder`] compares the
//! names in a folder with a suite. Nothing here reads a file or computes a total.
//!
//! ```
//! use vidbench_core::vbench::{Dimension, EvalResults};
//!
//! let text = br#"{"scene": [0.5, [{"video_path": "alley-0.mp4", "video_results": 0.5}]]}"#;
//! let results = EvalResults::parse(text).unwrap();
//! assert_eq!(results.get(Dimension::Scene).unwrap().score, 0.5);
//! assert_eq!(EvalResults::parse(results.to_json().as_bytes()), Ok(results));
//! ```

mod checked;
mod dimension;
mod error;
mod eval_results;
mod folder;
mod full_info;
mod node;
mod write;

pub use checked::{CheckedFolder, FewFrames, Undecodable};
pub use dimension::{Dimension, VbenchSuite};
pub use error::{VbenchErrors, VbenchProblem, VbenchProblemKind};
pub use eval_results::{DimensionResult, EvalResults, VideoResult};
pub use folder::{FolderCheck, Layout, PromptShortage, SuffixTrap, WantedClips, check_folder};
pub use full_info::{FullInfo, PromptEntry};

/// Largest file, in bytes. The suite has 0.2 MB, the results of all its 4,730 clips a few.
pub const MAX_FILE_BYTES: usize = 32 << 20;
/// How many problems are listed; the rest are only counted.
pub const MAX_LISTED_PROBLEMS: usize = 1000;
/// Clips of each prompt that VBench looks for, numbered from 0.
pub const CLIPS_PER_PROMPT: u32 = 5;
/// Clips of each prompt that VBench asks for where its static filter chooses among them (prompts/README.md).
pub const FLICKERING_CLIPS_PER_PROMPT: u32 = 25;
