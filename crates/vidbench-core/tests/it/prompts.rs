//! Prompt suites, the prompt maker and the prompt policy, from the outside.

mod make;
mod policy;
mod shipped;
mod suite;
