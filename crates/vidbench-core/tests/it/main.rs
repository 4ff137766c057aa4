#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test that cannot go on ends here")]
mod clip_name;
mod fuzz;
mod manifest;
mod plan;
mod prompts;
mod suite_file;
mod vbench;
mod vbench_folder;
