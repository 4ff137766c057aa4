//! Containers and codecs: probe, decode, encode, and facts about a clip.
#![warn(missing_docs)]

mod clip_stats;

pub use clip_stats::{BLACK_FRAME_SHARE, BLACK_LUMA_MAX, ClipStats, clip_stats};
