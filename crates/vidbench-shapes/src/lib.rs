//! The synthetic domain of moving shapes: grammar, renderer, analyser.
//!
//! One renderer makes the training set of the embedded model, the reference set of its metrics and the ground truth of
//! the tests. Pure: no IO, no clock, no threads; randomness comes from a seed.
#![warn(missing_docs)]

mod analyse;
mod grammar;
mod render;

pub use analyse::{Adherence, Analysis, analyse};
pub use grammar::{
    Attributes, Background, Color, GRAMMAR, GrammarError, Motion, Shape, Size, Vocabulary, parse_prompt,
};
pub use render::{FRAME_COUNT, FRAME_SIZE, render};
