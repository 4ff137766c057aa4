mod plan;
mod prompts;
mod suite_file;
