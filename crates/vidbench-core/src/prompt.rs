//! Prompt suites (named, versioned and hashed lists of prompts), those that ship with vidbench, and a generator of new
//! ones.
//!
//! A suite is checked when it is made, so that every [`PromptSuite`] has a name, unique ids and no empty text. What a
//! prompt may contain is decided by [`policy`]. Nothing here reads a file or changes a prompt.
//!
//! ```
//! use vidbench_core::prompt::{self, Category};
//!
//! let suite = prompt::shipped_suite("core-t2v").unwrap();
//! let styles = suite.prompts().iter().filter(|prompt| prompt.category == Category::Style);
//! assert_eq!(styles.count(), 25);
//! ```

pub mod make;
pub mod policy;

mod error;
mod names;
mod parse;
mod shipped;
mod suite;

pub use error::{PromptSuiteError, PromptSuiteErrorKind, PromptSuiteErrors};
pub use names::{Category, Difficulty, PromptId, PromptIdError, UnknownName};
pub use shipped::{shipped, shipped_suite};
pub use suite::{MAX_TEXT_CHARS, Prompt, PromptSuite, SuiteHeader};
